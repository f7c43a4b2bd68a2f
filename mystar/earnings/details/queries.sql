-- name: current
select * from payout_details where creator_id = %(creator_id)s and replaced_at is null;

-- name: details
select * from payout_details where id = %(id)s;

-- name: replace
update payout_details set replaced_at = %(now)s where creator_id = %(creator_id)s and replaced_at is null
returning *;

-- name: add_details
insert into payout_details (creator_id, kind, sealed, mask, fingerprint, usable_at, email, created_at)
values (%(creator_id)s, %(kind)s, %(sealed)s, %(mask)s, %(fingerprint)s, %(usable_at)s, %(email)s, %(now)s)
returning *;

-- name: set_confirmed
update payout_details set confirmed_at = %(at)s::timestamptz where id = %(id)s;

-- name: shared_with
-- Other creators who are paid to the same account.
select creator_id from payout_details
where fingerprint = %(fingerprint)s and replaced_at is null and creator_id <> %(creator_id)s
order by creator_id limit 100;

-- name: has_open_payout
select exists (
    select from payouts
    where creator_id = %(creator_id)s and status in ('requested', 'approved', 'sending', 'pending', 'unknown')
);

-- name: export_details
select id, kind, mask, usable_at, confirmed_at, replaced_at, created_at from payout_details
where creator_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: erase_details
-- Payouts refer to the rows.
update payout_details set sealed = '', mask = '', fingerprint = '', email = null,
    replaced_at = coalesce(replaced_at, %(now)s)
where creator_id = %(account_id)s;
