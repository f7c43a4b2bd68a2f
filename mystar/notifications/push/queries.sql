-- name: mark_due
-- plan: generic
-- Waits for a run that reads this account's notifications, so that none is missed between the two.
update push_accounts set due_at = %(now)s where account_id = %(account_id)s;

-- name: begin
-- What came before the first subscription is not pushed, also where kinds were muted before it.
insert into push_accounts (account_id, pushed_id)
values (
    %(account_id)s, coalesce((select last_id from notification_boxes where account_id = %(account_id)s), 0))
on conflict (account_id) do update set pushed_id = greatest(push_accounts.pushed_id, excluded.pushed_id)
where not exists (select from push_subscriptions where account_id = excluded.account_id);

-- name: add
insert into push_subscriptions (account_id, session_id, endpoint, p256dh, auth, user_agent, created_at)
values (%(account_id)s, %(session_id)s, %(endpoint)s, %(p256dh)s, %(auth)s, %(user_agent)s, %(now)s)
on conflict (endpoint) do update set
    account_id = excluded.account_id, session_id = excluded.session_id, p256dh = excluded.p256dh,
    auth = excluded.auth, user_agent = excluded.user_agent
returning id, account_id, endpoint, p256dh, auth, user_agent, created_at, xmax = 0 as is_new;

-- name: make_room
delete from push_subscriptions where id in (
    select id from push_subscriptions where account_id = %(account_id)s order by id desc offset %(most)s);

-- name: of_account
-- Those of sessions that have ended are told nothing, and not shown.
select s.id, s.account_id, s.endpoint, s.p256dh, s.auth, s.user_agent, s.created_at
from push_subscriptions s
join sessions on sessions.id = s.session_id and sessions.ended_at is null and sessions.expires_at > %(now)s
join accounts on accounts.id = s.account_id and accounts.is_active
where s.account_id = %(account_id)s order by s.id limit %(limit)s;

-- name: find
select s.id, s.account_id, s.endpoint, s.p256dh, s.auth, s.user_agent, s.created_at
from push_subscriptions s
join sessions on sessions.id = s.session_id and sessions.ended_at is null and sessions.expires_at > %(now)s
join accounts on accounts.id = s.account_id and accounts.is_active
where s.id = %(id)s;

-- name: remove
delete from push_subscriptions where id = %(id)s and account_id = %(account_id)s;

-- name: remove_gone
-- Unless the browser has subscribed anew meanwhile.
delete from push_subscriptions where id = %(id)s and p256dh = %(p256dh)s;

-- name: muted
select muted from push_accounts where account_id = %(account_id)s;

-- name: set_muted
insert into push_accounts (account_id, muted) values (%(account_id)s, %(muted)s::text[])
on conflict (account_id) do update set muted = excluded.muted;

-- name: due
select account_id from push_accounts where due_at is not null order by due_at limit %(limit)s;

-- name: lock_due
select push_accounts.account_id, pushed_id, muted, accounts.language
from push_accounts join accounts on accounts.id = push_accounts.account_id
where push_accounts.account_id = %(account_id)s and due_at is not null
for update of push_accounts skip locked;

-- name: finish
update push_accounts set due_at = null, pushed_id = greatest(pushed_id, %(pushed_id)s)
where account_id = %(account_id)s;

-- name: export_subscriptions
select id, endpoint, user_agent, created_at from push_subscriptions
where account_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: erase_subscriptions
delete from push_subscriptions where account_id = %(account_id)s;

-- name: erase_account
delete from push_accounts where account_id = %(account_id)s;
