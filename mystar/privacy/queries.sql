-- Exports of personal data, and erasures of accounts.

-- name: add_export
insert into data_exports (account_id, requested_by, reason, created_at)
values (%(account_id)s, %(requested_by)s, %(reason)s, %(now)s)
returning *;

-- name: latest_export
select * from data_exports where account_id = %(account_id)s order by id desc limit 1;

-- name: find_export
select * from data_exports where id = %(id)s and account_id = %(account_id)s;

-- name: export_by_digest
select * from data_exports where digest = %(digest)s and status = 'ready' and link_expires_at > %(now)s;

-- name: claim_export
-- The claim of a killed process runs out; the count of attempts tells its successor from it.
update data_exports
set claimed_until = %(now)s::timestamptz + make_interval(secs => %(lease)s), attempts = attempts + 1
where id = (
    select id from data_exports
    where status = 'waiting' and (claimed_until is null or claimed_until < %(now)s)
    order by id limit 1 for update skip locked
)
returning *;

-- name: prolong_claim
update data_exports set claimed_until = %(now)s::timestamptz + make_interval(secs => %(lease)s)
where id = %(id)s and attempts = %(attempts)s and status = 'waiting';

-- name: release_claim
update data_exports set claimed_until = null where id = %(id)s and attempts = %(attempts)s and status = 'waiting';

-- name: finish_export
update data_exports set status = 'ready', key = %(key)s, size = %(size)s, digest = %(digest)s,
    link_expires_at = %(link_expires_at)s, finished_at = %(now)s, expires_at = %(expires_at)s, claimed_until = null
where id = %(id)s and attempts = %(attempts)s and status = 'waiting';

-- name: fail_export
update data_exports set status = 'failed', finished_at = %(now)s, claimed_until = null
where id = %(id)s and attempts = %(attempts)s and status = 'waiting';

-- name: expire_exports
-- Those of one account, or those whose time is over.
update data_exports set status = 'expired', digest = null
where id in (
    select id from data_exports
    where status = 'ready' and (account_id = %(account_id)s::bigint or expires_at < %(before)s::timestamptz)
    order by id limit %(batch)s for update skip locked
)
returning key;

-- name: delete_exports
delete from data_exports where account_id = %(account_id)s
returning key;

-- name: add_erasure
insert into erasures (account_id, requested_by, reason, requested_at, due_at, digest)
values (%(account_id)s, %(requested_by)s, %(reason)s, %(now)s, %(due_at)s, %(digest)s)
returning *;

-- name: open_erasure
select * from erasures where account_id = %(account_id)s and withdrawn_at is null and erased_at is null;

-- name: erasure_by_digest
select * from erasures where digest = %(digest)s and withdrawn_at is null and erased_at is null;

-- name: withdraw_erasure
update erasures set withdrawn_at = %(now)s
where account_id = %(account_id)s and withdrawn_at is null and erased_at is null
returning *;

-- name: lock_due_erasure
-- Another process that erases at the same moment takes another one.
select * from erasures
where withdrawn_at is null and erased_at is null and due_at <= %(now)s
    and (%(id)s::bigint is null or id = %(id)s::bigint)
order by due_at limit 1 for update skip locked;

-- name: postpone_erasure
update erasures set due_at = %(due_at)s, blocked_by = %(blocked_by)s where id = %(id)s;

-- name: bring_forward
update erasures set due_at = %(now)s where id = %(id)s;

-- name: mark_erased
-- A reason may have a name in it.
update erasures set erased_at = %(now)s, reason = '' where account_id = %(account_id)s and erased_at is null
    and withdrawn_at is null;

-- name: clear_reasons
update erasures set reason = '' where account_id = %(account_id)s and reason <> '';

-- name: export_requests
select id, 'export' as kind, status, created_at, finished_at from data_exports
where account_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: erasure_requests
select id, requested_at, due_at, withdrawn_at from erasures
where account_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;
