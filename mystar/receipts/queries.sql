-- name: add_receipt
insert into receipts (order_id, payment_id, kind, amount, scheme, created_at, updated_at)
values (%(order_id)s, %(payment_id)s, %(kind)s, %(amount)s, %(scheme)s, %(now)s, %(now)s)
returning *;

-- name: receipt
select * from receipts where id = %(id)s;

-- name: lock_receipt
select * from receipts where id = %(id)s for update;

-- name: receipts_of_payment
select * from receipts where payment_id = %(payment_id)s order by id;

-- name: subject
select orders.kind as order_kind, payments.provider_id as provider_payment_id,
    buyers.email as buyer_email, buyers.phone as buyer_phone,
    nullif(trim(concat_ws(' ', sellers.first_name, sellers.last_name)), '') as creator_full_name,
    sellers.username as creator_username, sellers.phone as creator_phone,
    (select count(*) from receipts earlier
        where earlier.payment_id = receipts.payment_id and earlier.kind = receipts.kind
            and earlier.id <= receipts.id)::integer as place,
    exists (select from receipts earlier
        where earlier.payment_id = receipts.payment_id and earlier.kind = 'offset'
            and earlier.id < receipts.id) as is_offset
from receipts
join orders on orders.id = receipts.order_id
join payments on payments.id = receipts.payment_id
left join accounts buyers on buyers.id = orders.buyer_id
left join creators on creators.id = orders.creator_id
left join accounts sellers on sellers.id = creators.account_id
where receipts.id = %(id)s;

-- name: save_receipt
update receipts set
    status = %(status)s, provider_id = %(provider_id)s, reason = %(reason)s, attempt = %(attempt)s,
    fiscal = coalesce(%(fiscal)s::jsonb, fiscal), updated_at = %(now)s
where id = %(id)s
returning *;

-- name: missing_receipts
-- What was captured or refunded since receipts are made, against the receipts of it.
select 'payment' as of, fact.what, payments.id, fact.stored::bigint, fact.counted::bigint
from payments
join lateral (
    select min(created_at) as since, sum(amount) filter (where kind = 'prepayment') as taken,
        sum(amount) filter (where kind = 'refund') as refunded,
        bool_or(scheme = 'fee_only') as is_fee
    from receipts where payment_id = payments.id
) as made on made.since is not null
cross join lateral (values
    ('receipts of captures', coalesce(made.taken, 0), payments.captured),
    ('receipts of refunds', coalesce(made.refunded, 0), payments.refunded)
) as fact (what, stored, counted)
where not made.is_fee and fact.stored <> fact.counted
order by payments.id limit %(limit)s;

-- name: stuck_receipts
select 'receipt' as of, status as what, id, status as stored, 'registered' as counted from receipts
where status in ('waiting', 'pending') and updated_at < %(before)s
order by id limit %(limit)s;

-- name: export_receipts
select receipts.id, receipts.order_id, receipts.kind, receipts.amount, receipts.scheme, receipts.status, receipts.fiscal,
    receipts.created_at
from receipts join orders on orders.id = receipts.order_id
where receipts.id in (
    select made.id from orders bought join receipts made on made.order_id = bought.id
    where bought.buyer_id = %(account_id)s and made.id > %(after)s order by made.id limit %(limit)s
)
order by receipts.id;

-- name: erasure_obstacles
-- A receipt goes to the buyer's e-mail or phone.
select 'unfinished_receipts' as code, receipts.id from orders join receipts on receipts.order_id = orders.id
where orders.buyer_id = %(account_id)s and receipts.status in ('waiting', 'pending')
order by receipts.id limit 100;

-- name: erase_receipts
update receipts set reason = redacted(reason, %(names)s::text[], %(alias)s)
where order_id in (select id from orders where buyer_id = %(account_id)s) and mentions(reason, %(names)s::text[]);
