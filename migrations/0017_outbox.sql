-- Up Migration

-- What the running transaction changed. Its deferred trigger writes the events of all rows to the log at the commit, and deletes
-- the rows (sql/20_log.sql), so no other transaction ever sees a row here. Unlogged, because nothing is left after a commit.
create unlogged table outbox (
  transaction xid8 not null default pg_current_xact_id(),
  n bigint generated always as identity,
  event text not null,
  topics text[],
  payload jsonb not null,
  post_id bigint,
  comment_id bigint,
  user_id bigint,
  feed_id bigint,
  moved_at timestamptz,
  primary key (transaction, n)
);

-- Only named here: sql/ holds their bodies.
do $$
declare
  name text;
begin
  foreach name in array array[
    'tg_outbox__log', 'tg_posts__outbox', 'tg_comments__outbox', 'tg_post_likes__outbox', 'tg_comment_likes__outbox',
    'tg_entries__outbox', 'tg_users__outbox', 'tg_groups__outbox', 'tg_subscriptions__outbox', 'tg_sessions__outbox',
    'tg_group_owners__outbox'
  ] loop
    execute format(
      'create function %I() returns trigger language plpgsql as $f$ begin raise ''sql/ is not applied''; end $f$', name
    );
  end loop;
end $$;

create constraint trigger _900_log after insert on outbox
  deferrable initially deferred
  for each row execute function tg_outbox__log();

drop trigger _900_log on posts;
create trigger _900_outbox after insert or delete on posts
  for each row execute function tg_posts__outbox();
create trigger _910_outbox_edit after update of body on posts
  for each row when (new.body <> old.body) execute function tg_posts__outbox();

drop trigger _900_log on comments;
create trigger _900_outbox after insert or delete on comments
  for each row execute function tg_comments__outbox();
create trigger _910_outbox_edit after update of body on comments
  for each row when (new.body <> old.body) execute function tg_comments__outbox();

drop trigger _900_log on post_likes;
create trigger _900_outbox after insert or delete on post_likes
  for each row execute function tg_post_likes__outbox();

drop trigger _900_log on comment_likes;
create trigger _900_outbox after insert or delete on comment_likes
  for each row execute function tg_comment_likes__outbox();

drop trigger _200_fallen_delete on entries;
drop trigger _200_fallen_back on entries;
drop table fallen_entries;
create trigger _900_outbox after delete on entries
  for each row execute function tg_entries__outbox();
create trigger _910_outbox_back after update of at on entries
  for each row when (new.at < old.at) execute function tg_entries__outbox();

drop trigger _900_log on users;
create trigger _900_outbox after update of username, name, avatar, deleted_at on users
  for each row execute function tg_users__outbox();

drop trigger _900_log on groups;
create trigger _900_outbox after update of name, title on groups
  for each row when ((new.name, new.title) is distinct from (old.name, old.title))
  execute function tg_groups__outbox();

drop trigger _900_log on subscriptions;
create trigger _900_outbox after insert or delete on subscriptions
  for each row execute function tg_subscriptions__outbox();

drop trigger _900_log on sessions;
create trigger _900_outbox after delete or update of expires_at on sessions
  for each row execute function tg_sessions__outbox();

drop trigger _900_log on group_owners;
create trigger _900_outbox after insert or delete on group_owners
  for each row execute function tg_group_owners__outbox();

drop function
  tg_posts__log, tg_comments__log, tg_post_likes__log, tg_comment_likes__log, tg_entries__fallen,
  tg_fallen_entries__log, tg_users__log, tg_groups__log, tg_subscriptions__log, tg_sessions__log,
  tg_group_owners__log;
drop function if exists
  log_post_change, take_removed_entries, liker_view, tell_post, take_fallen_entries;
