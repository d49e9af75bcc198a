-- Up Migration

-- Triggers carry their order and purpose. Their functions are only named here; sql/, applied right after the
-- migrations, holds what they do.

do $$
declare
  name text;
begin
  foreach name in array array[
    'tg_users__defaults', 'tg_users__name', 'tg_users__own_feed', 'tg_users__feed_end', 'tg_users__views_lock',
    'tg_users__log', 'tg_groups__defaults', 'tg_groups__name', 'tg_groups__feed_end', 'tg_groups__fixed',
    'tg_subscriptions__log', 'tg_sessions__log',
    'tg_posts__before', 'tg_posts__entries', 'tg_posts__log',
    'tg_comments__before', 'tg_comments__count', 'tg_comments__entries', 'tg_comments__log',
    'tg_post_likes__before', 'tg_post_likes__count', 'tg_post_likes__entries', 'tg_post_likes__log',
    'tg_comment_likes__before', 'tg_comment_likes__count', 'tg_comment_likes__log',
    'tg_entries__fallen', 'tg_fallen_entries__log'
  ] loop
    execute format(
      'create function %I() returns trigger language plpgsql as $f$ begin raise ''sql/ is not applied''; end $f$', name
    );
  end loop;
end $$;

create trigger _100_defaults before insert or update of username on users
  for each row execute function tg_users__defaults();
create trigger _110_views_lock before update of username, name, avatar on users
  for each row execute function tg_users__views_lock();
create trigger _200_name after insert or update of username on users
  for each row execute function tg_users__name();
create trigger _210_own_feed after insert on users
  for each row execute function tg_users__own_feed();
create trigger _220_feed_end after delete on users
  for each row execute function tg_users__feed_end();
create constraint trigger _900_log after update of username, name, avatar on users
  deferrable initially deferred
  for each row execute function tg_users__log();

create trigger _100_defaults before insert or update of name on groups
  for each row execute function tg_groups__defaults();
create trigger _110_fixed before update of visibility on groups
  for each row execute function tg_groups__fixed();
create trigger _200_name after insert or update of name on groups
  for each row execute function tg_groups__name();
create trigger _220_feed_end after delete on groups
  for each row execute function tg_groups__feed_end();

create constraint trigger _900_log after insert or delete on subscriptions
  deferrable initially deferred
  for each row execute function tg_subscriptions__log();

create constraint trigger _900_log after delete on sessions
  deferrable initially deferred
  for each row execute function tg_sessions__log();

create trigger _100_before before insert or update of body on posts
  for each row execute function tg_posts__before();
create trigger _200_entries after insert on posts
  for each row execute function tg_posts__entries();
create constraint trigger _900_log after insert or update of body or delete on posts
  deferrable initially deferred
  for each row execute function tg_posts__log();

create trigger _100_before before insert or update of body or delete on comments
  for each row execute function tg_comments__before();
create trigger _200_count after insert or delete on comments
  for each row execute function tg_comments__count();
create trigger _300_entries after insert or delete on comments
  for each row execute function tg_comments__entries();
create constraint trigger _900_log after insert or update of body or delete on comments
  deferrable initially deferred
  for each row execute function tg_comments__log();

create trigger _100_before before insert or delete on post_likes
  for each row execute function tg_post_likes__before();
create trigger _200_count after insert or delete on post_likes
  for each row execute function tg_post_likes__count();
create trigger _300_entries after insert or delete on post_likes
  for each row execute function tg_post_likes__entries();
create constraint trigger _900_log after insert or delete on post_likes
  deferrable initially deferred
  for each row execute function tg_post_likes__log();

create trigger _100_before before insert or delete on comment_likes
  for each row execute function tg_comment_likes__before();
create trigger _200_count after insert or delete on comment_likes
  for each row execute function tg_comment_likes__count();
create constraint trigger _900_log after insert or delete on comment_likes
  deferrable initially deferred
  for each row execute function tg_comment_likes__log();

create trigger _200_fallen_delete after delete on entries
  for each row execute function tg_entries__fallen();
create trigger _200_fallen_back after update of at on entries
  for each row when (new.at < old.at) execute function tg_entries__fallen();
create constraint trigger _900_log after insert on fallen_entries
  deferrable initially deferred
  for each row execute function tg_fallen_entries__log();
