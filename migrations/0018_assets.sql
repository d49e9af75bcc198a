-- Up Migration

-- The files that each release has built for the browser. During a deploy, and after it, pages of one release request files
-- from instances of another.
create table assets (
  file text primary key,
  content bytea not null,
  stored_at timestamptz not null
);
