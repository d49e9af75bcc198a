-- Up Migration

-- An owner is a member: whoever leaves, is removed or loses the account is an owner no more.
create table group_owners (
  feed_id bigint not null references groups (feed_id) on delete cascade,
  user_id bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (feed_id, user_id),
  foreign key (user_id, feed_id) references subscriptions on delete cascade
);
create index group_owners_user_id on group_owners (user_id, feed_id);

-- Who wants to be let into a private group.
create table group_requests (
  group_id bigint not null references groups on delete cascade,
  user_id bigint not null references users on delete cascade,
  created_at timestamptz not null default clock_timestamp(),
  primary key (group_id, user_id)
);
create index group_requests_newest on group_requests (group_id, created_at, user_id);
create index group_requests_user_id on group_requests (user_id);

-- Groups that are there already belong to who has been in them longest.
insert into group_owners (feed_id, user_id)
select distinct on (s.feed_id) s.feed_id, s.user_id
from subscriptions s
join groups g on g.feed_id = s.feed_id
order by s.feed_id, s.created_at, s.user_id;

-- The `seq` at which somebody's subscriptions last changed: whoever comes back to a stream is asked for it. Written
-- under the log's lock alone and so without waiting; no foreign key, whose check might wait for another's commit.
create table rights (
  user_id bigint primary key,
  seq bigint not null
);

do $$
declare
  name text;
begin
  foreach name in array array['tg_subscriptions__first_owner', 'tg_group_owners__heir'] loop
    execute format(
      'create function %I() returns trigger language plpgsql as $f$ begin raise ''sql/ is not applied''; end $f$', name
    );
  end loop;
end $$;

create trigger _200_first_owner after insert on subscriptions
  for each row execute function tg_subscriptions__first_owner();
create trigger _200_heir after delete on group_owners
  for each row execute function tg_group_owners__heir();
