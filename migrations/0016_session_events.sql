-- Up Migration

-- Instances cache sessions, with the groups that the user owns. So the log must tell when somebody becomes an owner, and
-- when a session is ended by an earlier expiry.
create function tg_group_owners__log() returns trigger language plpgsql as $$ begin return null; end $$;

create constraint trigger _900_log after insert or delete on group_owners
  deferrable initially deferred
  for each row execute function tg_group_owners__log();

drop trigger _900_log on sessions;
create constraint trigger _900_log after delete or update of expires_at on sessions
  deferrable initially deferred
  for each row execute function tg_sessions__log();
