-- Admins, suspended accounts and reports.

-- Every statement of an admin checks it, so an admin who is removed or suspended can do nothing from then on.
create or replace function is_admin(account bigint) returns boolean
language sql stable
return exists (
  select from users u where u.id = account and u.admin and u.suspended_at is null and u.deleted_at is null
);

-- Without topics: the event is for the instances, whose cached sessions say whether their user is an admin.
create or replace function tg_users__admin_outbox() returns trigger
language plpgsql as $$
begin
  insert into outbox (event, topics, payload)
  values (
    'admin',
    '{}',
    jsonb_build_object('action', case when new.admin then 'made' else 'ended' end, 'user', new.id::text)
  );
  return null;
end $$;

-- Signs the account out. The events of its sessions end its streams, and the cached sessions, on every instance.
create or replace function tg_users__suspended() returns trigger
language plpgsql as $$
begin
  delete from sessions where user_id = new.id;
  return null;
end $$;
