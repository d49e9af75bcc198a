-- Names that functions had in the previous release, whose instances still run during a deploy. Delete them with the next
-- release.

create or replace function settle_entry(post bigint, person bigint) returns void
language sql as $$
  select recompute_entry(post, person)
$$;
