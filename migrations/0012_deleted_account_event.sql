-- Up Migration

-- The deletion of an account becomes an event: the instances drop every older event that may show something of it.
drop trigger _900_log on users;
create constraint trigger _900_log after update of username, name, avatar, deleted_at on users
  deferrable initially deferred
  for each row execute function tg_users__log();
