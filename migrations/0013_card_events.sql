-- Up Migration

-- Instances cache cards, so everything that a card shows must be in the log, in order: the name and title of its group, and the
-- deletion of an account that it shows.
create function tg_groups__log() returns trigger language plpgsql as $$ begin return null; end $$;

create constraint trigger _900_log after update of name, title on groups
  deferrable initially deferred
  for each row execute function tg_groups__log();
create trigger _050_views_lock before update of name, title on groups
  for each statement execute function tg_users__views_lock();

drop trigger _050_views_lock on users;
create trigger _050_views_lock before update of username, name, avatar, deleted_at on users
  for each statement execute function tg_users__views_lock();
