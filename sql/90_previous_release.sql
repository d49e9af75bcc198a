-- Names that functions had in the previous release, whose instances still run during a deploy. Delete them with the next
-- release.

create or replace function settle_entry(post bigint, person bigint) returns void
language sql as $$
  select recompute_entry(post, person)
$$;

create or replace function take_fallen_entries(post bigint) returns jsonb
language sql as $$
  select take_removed_entries(post)
$$;

create or replace function tell_post(post bigint, event text, facts jsonb, moved_at timestamptz) returns void
language sql as $$
  select log_post_change(post, event, facts, moved_at)
$$;
