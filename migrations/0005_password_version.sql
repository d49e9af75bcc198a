-- Up Migration

-- Rises with each new password. A session is inserted only if the version is still the one that the sign-in verified.
alter table users add column password_version integer not null default 1;

-- Only named here: sql/ holds its body.
create function tg_users__password_version() returns trigger
language plpgsql as $$
begin
  raise 'sql/ is not applied';
end $$;

create trigger _120_password_version before update of password_hash on users
  for each row when (new.password_hash is distinct from old.password_hash)
  execute function tg_users__password_version();
