-- name: payout_of_part
select payout_id from payout_parts where id = %(id)s;

-- name: part_of_provider
select id from payout_parts where provider_id = %(provider_id)s;

-- name: begin_attempt
-- Another key: the first call of the new attempt is still to be made.
update payout_parts set attempt = attempt + 1, sent_at = null, updated_at = %(now)s where id = %(id)s;

-- name: queue_state
select stopped_for, stopped_at from payout_queue;

-- name: stop_queue
-- The first reason stays.
update payout_queue set stopped_for = %(reason)s, stopped_at = %(now)s where stopped_for is null;

-- name: resume_queue
update payout_queue set stopped_for = null, stopped_at = null;

-- name: due_deals
-- After a position, so that shares that cannot be paid out yet do not block those behind them.
select clears_at, order_id from earnings
where mode = 'safe_deal' and pending > 0 and clears_at <= %(now)s
    and (%(moment)s::timestamptz is null or (clears_at, order_id) > (%(moment)s::timestamptz, %(id)s::bigint))
order by clears_at, order_id limit %(limit)s;

-- name: refund_is_under_way
select exists (
    select from payments where order_id = %(order_id)s and status = 'captured'
        and (refunding > 0 or (goal = 'give_back' and refunded < coalesce(refund_limit, captured))));

-- name: set_order
update payouts set order_id = %(order_id)s where id = %(id)s;

-- name: last_failure
-- When a payout of this order's deal failed last.
select max(closed_at) from payouts where order_id = %(order_id)s and status = 'failed';

-- name: deal_of_order
select deal_id from earnings where order_id = %(order_id)s;

-- name: deals_to_compare
-- Deals of ours that the provider names, and those begun since a moment (null: no others). What a payout takes out of a
-- deal is not there any more; while it, or money of the payment, is on its way, nothing is compared.
select distinct on (payments.deal_id) payments.deal_id, payments.order_id, earnings.captured > 0 as is_captured,
    earnings.pending + earnings.frozen as share,
    payments.refunding > 0 or payments.refund_id is not null or payments.goal = 'give_back'
            and payments.status in ('held', 'captured')
            and payments.refunded < coalesce(payments.refund_limit, payments.amount)
        or exists (
            select from payouts where order_id = earnings.order_id
                and status in ('requested', 'approved', 'sending', 'pending', 'unknown')) as is_moving
from payments join earnings using (order_id)
where payments.deal_id = any(%(deal_ids)s::text[])
    or (payments.deal_id is not null and payments.captured > 0 and payments.created_at >= %(since)s::timestamptz)
order by payments.deal_id, payments.id desc;

-- name: has_deals
select exists (select from payments where deal_id is not null);

-- name: opens_deal
select exists (
    select from payments where order_id = %(order_id)s and deal_share is not null and deal_id is null and status = 'pending');

-- name: parts_to_compare
-- Parts that were sent since then, and those whose payouts the provider lists.
select payout_parts.id, payout_parts.payout_id, payout_parts.status, payout_parts.amount, payout_parts.provider_id,
    payout_parts.sent_at, payout_details.kind, payout_details.mask
from payout_parts
join payouts on payouts.id = payout_parts.payout_id
join payout_details on payout_details.id = payouts.details_id
where payouts.provider <> 'manual' and payouts.order_id is null
    and (payout_parts.sent_at >= %(since)s::timestamptz or payout_parts.provider_id = any(%(provider_ids)s::text[]))
order by payout_parts.id;
