-- name: add_payment
-- plan: generic
insert into payments (order_id, payer_id, amount, description, return_url, chosen_method, deal_share, deal_fee_moment,
    refund_limit, is_method_open, created_at)
values (
    %(order_id)s, %(payer_id)s, %(amount)s, %(description)s, %(return_url)s, %(chosen_method)s, %(deal_share)s,
    %(deal_fee_moment)s, %(refund_limit)s, %(is_method_open)s, %(now)s)
returning *;

-- name: payment
-- plan: generic
select * from payments where id = %(id)s;

-- name: lock_payment
-- plan: generic
-- Two snapshots of one payment are applied one after the other.
select * from payments where id = %(id)s for no key update;

-- name: latest_payment
-- plan: generic
select * from payments where order_id = %(order_id)s order by id desc limit 1;

-- name: payments_of_order
-- plan: generic
select * from payments where order_id = %(order_id)s order by id desc limit %(most)s;

-- name: lock_latest_payment
-- plan: generic
select * from payments where order_id = %(order_id)s order by id desc limit 1 for no key update;

-- name: unanswered_payment
-- plan: generic
select * from payments where id = %(id)s::bigint and provider_id is null and status = 'pending' and not is_method_open;

-- name: payments_of_provider
select * from payments where provider_id = any(%(provider_ids)s::text[]);

-- name: save_payment
-- plan: generic
update payments set
    status = %(status)s, goal = %(goal)s, captured = %(captured)s, refunded = %(refunded)s,
    refunding = %(refunding)s, refunds = %(refunds)s,
    provider_id = %(provider_id)s, confirmation_url = %(confirmation_url)s, method = %(method)s,
    expires_at = %(expires_at)s, cancellation_party = %(cancellation_party)s,
    cancellation_reason = %(cancellation_reason)s, held_at = %(held_at)s, settled_at = %(settled_at)s,
    check_at = %(check_at)s, refusal = %(refusal)s, refund_failure = %(refund_failure)s,
    refund_attempt = %(refund_attempt)s, refund_id = %(refund_id)s, refund_limit = %(refund_limit)s,
    income = %(income)s, deal_id = %(deal_id)s, chosen_method = %(chosen_method)s, is_method_open = %(is_method_open)s, updated_at = now()
where id = %(id)s
returning *;

-- name: claim_due_payments
-- Several processes share the work: each claims rows that are unclaimed; the claim of a killed process ends at `until`.
update payments set check_at = %(until)s::timestamptz
where id in (
    select id from payments where check_at <= %(now)s::timestamptz
    order by check_at, id
    limit %(batch)s
    for update skip locked
)
returning *;

-- name: hasten_checks
-- The clock was set back. What is not due yet is only looked at once more.
update payments set check_at = %(now)s where check_at > %(now)s;

-- name: schedule_check
-- Unless the goal has changed since the payment was claimed.
update payments set check_at = %(check_at)s where id = %(id)s and check_at = %(claimed_until)s::timestamptz;

-- name: add_move
-- plan: generic
insert into ledger_entries (move_id, payment_id, account, amount, currency, reason)
select move_id, %(payment_id)s::bigint, side.account, side.amount, %(currency)s::text, %(reason)s::text
from (select gen_random_uuid() as move_id) as move,
    (values (%(source)s::text, -%(amount)s::bigint), (%(target)s::text, %(amount)s::bigint)) as side (account, amount);

-- name: note_discrepancy
insert into payment_discrepancies (payment_id, provider_id, kind, details)
values (%(payment_id)s::bigint, %(provider_id)s, %(kind)s, %(details)s)
on conflict on constraint payment_discrepancies_key do nothing;

-- name: payments_with_ledger
-- Sums by kind of move, counted on the credited side.
select page.*, moved.*
from (select * from payments where id > %(after)s::bigint order by id limit %(batch)s) as page
left join lateral (
    select
        coalesce(sum(amount) filter (where reason = 'hold' and amount > 0), 0)::bigint as moved_hold,
        coalesce(sum(amount) filter (where reason = 'capture' and amount > 0), 0)::bigint as moved_capture,
        coalesce(sum(amount) filter (where reason = 'release' and amount > 0), 0)::bigint as moved_release,
        coalesce(sum(amount) filter (where reason = 'refund' and amount > 0), 0)::bigint as moved_refund,
        coalesce(sum(amount), 0)::bigint as moved_sum
    from ledger_entries where payment_id = page.id
) as moved on true
order by page.id;

-- name: booked_refunds
-- Refunds of payments that the provider names, and of those for which one was booked since a moment (null: of no others).
select payments.id, payments.provider_id, payments.refunding > 0 or payments.refund_id is not null
        or (payments.goal = 'give_back' and payments.status = 'captured' and payments.refund_failure is null
            and payments.refunded < coalesce(payments.refund_limit, payments.captured)) as is_moving,
    coalesce(array_agg(entry.amount) filter (where entry.amount > 0), '{}') as amounts
from payments left join ledger_entries entry on entry.payment_id = payments.id and entry.reason = 'refund'
where payments.provider_id = any(%(provider_ids)s::text[]) or payments.id in (
    select payment_id from ledger_entries where reason = 'refund' and created_at >= %(since)s::timestamptz)
group by payments.id;

-- name: count_open_payments
-- What is paid for and not decided, by payments_status_idx, up to a limit; holds by the hours until they end by themselves.
select status, hours_left, count(*) as payments_open, sum(amount) as payments_open_kopecks from (
    select status, amount, case
        when status = 'pending' or expires_at is null then ''
        when expires_at < %(now)s::timestamptz + interval '6 hours' then '6'
        when expires_at < %(now)s::timestamptz + interval '24 hours' then '24'
        when expires_at < %(now)s::timestamptz + interval '72 hours' then '72'
        else 'more' end as hours_left
    from payments where status in ('pending', 'held') order by status, created_at desc limit 20000
) open_payments group by status, hours_left;

-- name: export_payments
select id, order_id, amount, currency, description, status, captured, refunded, chosen_method, created_at, held_at, settled_at
from payments where payer_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: erase_payments
update payments set description = redacted(description, %(names)s::text[], %(alias)s),
    refusal = redacted(refusal, %(names)s::text[], %(alias)s)
where payer_id = %(account_id)s
    and mentions(concat_ws(' ', description, refusal), %(names)s::text[]);

-- name: erase_discrepancies
update payment_discrepancies set details = redacted_json(details, %(names)s::text[], %(alias)s)
where payment_id in (select id from payments where payer_id = %(account_id)s)
    and mentions(details::text, %(names)s::text[]);
