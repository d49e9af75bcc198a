-- Up Migration

-- When the account was deleted. From then on it is invisible and nothing can be added to it; its rows are deleted in
-- chunks afterwards, and the row of the user last (sql/70_deletion.sql).
alter table users add column deleted_at timestamptz;
create index users_deleted on users (deleted_at) where deleted_at is not null;

-- Until sql/ is applied, right after the migrations, these do nothing.
do $$
declare
  name text;
begin
  foreach name in array array[
    'tg_users__deleted', 'tg_sessions__account', 'tg_subscriptions__account', 'tg_group_requests__account'
  ] loop
    execute format(
      'create function %I() returns trigger language plpgsql as $f$ begin return new; end $f$', name
    );
  end loop;
end $$;

create trigger _240_deleted after update of deleted_at on users
  for each row when (old.deleted_at is null and new.deleted_at is not null)
  execute function tg_users__deleted();
create trigger _100_account before insert on sessions
  for each row execute function tg_sessions__account();
create trigger _100_account before insert on subscriptions
  for each row execute function tg_subscriptions__account();
create trigger _100_account before insert on group_requests
  for each row execute function tg_group_requests__account();
