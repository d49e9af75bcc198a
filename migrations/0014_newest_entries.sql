-- Up Migration

-- The newest entries of all feeds: home_places() walks them backwards. Ascending, because PostgreSQL inserts at the end
-- of an index faster than anywhere else.
create index entries_newest_of_all on entries (at, post_id, feed_id);
