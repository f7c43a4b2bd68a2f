-- name: add_earning
-- plan: generic
-- The creator's balance begins with their first order. The terms are those of the rule that applies to the service;
-- without a service, or a rule, there is no commission.
with balance as (
    insert into creator_balances (creator_id, updated_at) values (%(creator_id)s, %(now)s::timestamptz)
    on conflict on constraint creator_balances_pkey do nothing
)
insert into earnings (order_id, creator_id, mode, rule_id, percent_bp, fixed, min_amount, max_amount, vat_percent,
    keeps_commission, deal_fee_moment, price, created_at, updated_at)
select %(order_id)s, %(creator_id)s, %(mode)s, rule.id, coalesce(rule.percent_bp, 0), coalesce(rule.fixed, 0),
    coalesce(rule.min_amount, 0), rule.max_amount, %(vat_percent)s, %(keeps_commission)s,
    %(deal_fee_moment)s, %(price)s, %(now)s, %(now)s
from (values (true)) one
left join first_commission_rule(
    %(service_id)s::bigint, %(kind)s::text, %(price)s::bigint, %(now)s::timestamptz) rule on true;

-- name: earning
select * from earnings where order_id = %(order_id)s;

-- name: lock_earning
-- plan: generic
-- Together with the balance, before which no entry of the creator is added.
select earnings.* from earnings join creator_balances using (creator_id)
where order_id = %(order_id)s
for no key update;

-- name: lock_due
-- plan: generic
-- What may clear; rows that others hold are theirs, or come next time.
select earnings.* from earnings join creator_balances using (creator_id)
where earnings.pending > 0 and clears_at <= %(now)s and earnings.mode = 'balance'
order by clears_at, order_id
limit %(batch)s
for no key update skip locked;

-- name: record
-- plan: generic
-- An earning as an event leaves it (no earning: a null order), the entries of the event, and the balance that they add
-- up to.
with changed as (
    update earnings set
        captured = %(captured)s, commission = %(commission)s, refunded = %(refunded)s,
        refunded_kept = %(refunded_kept)s, charged_back = %(charged_back)s,
        charged_back_platform = %(charged_back_platform)s, pending = %(pending)s, frozen = %(frozen)s,
        captured_at = %(captured_at)s, completed_at = %(completed_at)s, clears_at = %(clears_at)s,
        cleared_at = %(cleared_at)s, is_disputed = %(is_disputed)s, stop_reason = %(stop_reason)s,
        paused_at = %(paused_at)s, deal_id = %(deal_id)s, updated_at = %(now)s
    where order_id = %(order_id)s::bigint
), added as (
    insert into earning_entries (move_id, kind, account, amount, creator_id, order_id, payout_id, part_id, note,
        created_at)
    select move_id::uuid, kind, account, amount, owner_id, order_id, payout_id, part_id, note, %(now)s::timestamptz
    from unnest(%(move_ids)s::text[], %(kinds)s::text[], %(accounts)s::text[], %(amounts)s::bigint[],
        %(owners)s::bigint[], %(orders)s::bigint[], %(payouts)s::bigint[], %(parts)s::bigint[], %(notes)s::text[])
        as side (move_id, kind, account, amount, owner_id, order_id, payout_id, part_id, note)
)
update creator_balances set
    pending = pending + %(pending_by)s, frozen = frozen + %(frozen_by)s, available = available + %(available_by)s,
    reserved = reserved + %(reserved_by)s, paid = paid + %(paid_by)s, updated_at = %(now)s,
    negative_since = case when available + %(available_by)s < 0 then coalesce(negative_since, %(now)s) end
where creator_id = %(creator_id)s
returning *;

-- name: add_balance
insert into creator_balances (creator_id, updated_at)
select id, %(now)s::timestamptz from accounts where id = %(creator_id)s
on conflict on constraint creator_balances_pkey do nothing;

-- name: lock_balance
-- plan: generic
select * from creator_balances where creator_id = %(creator_id)s for no key update;

-- name: balance
-- plan: generic
select * from creator_balances where creator_id = %(creator_id)s;

-- name: stop_payouts
update creator_balances set stop_reason = %(reason)s::text, updated_at = %(now)s,
    stopped_at = case when %(reason)s::text is not null then %(now)s::timestamptz end
where creator_id = %(creator_id)s;

-- name: next_clearing
-- plan: generic
select clears_at, sum(pending)::bigint as amount from earnings
where creator_id = %(creator_id)s and pending > 0 and clears_at is not null
group by clears_at order by clears_at limit 1;

-- name: entries
select id, created_at, kind, account, amount, order_id, payout_id, note from earning_entries
where creator_id = %(creator_id)s and account <> 'adjustments'
    and (%(since)s::timestamptz is null or created_at >= %(since)s)
    and (%(until)s::timestamptz is null or created_at < %(until)s)
    and (%(kind)s::text is null or kind = %(kind)s)
order by id desc limit %(limit)s offset %(offset)s;

-- name: count_entries
select count(*) from earning_entries
where creator_id = %(creator_id)s and account <> 'adjustments'
    and (%(since)s::timestamptz is null or created_at >= %(since)s)
    and (%(until)s::timestamptz is null or created_at < %(until)s)
    and (%(kind)s::text is null or kind = %(kind)s);

-- name: earnings_of_orders
-- plan: generic
select * from earnings where order_id = any(%(order_ids)s::bigint[]) and creator_id = %(creator_id)s;

-- name: last_entry
select coalesce(max(id), 0) from earning_entries where creator_id = %(creator_id)s;

-- name: count_chargebacks
select count(*) from chargebacks where order_id = %(order_id)s;

-- name: add_chargeback
insert into chargebacks (order_id, amount, bearer, fee, note, entered_by, created_at)
values (%(order_id)s, %(amount)s, %(bearer)s, %(fee)s, %(note)s, %(entered_by)s, %(now)s)
returning id;

-- name: service_to_quote
select services.kind, services.base_price from services join creators on creators.id = services.creator_id
where services.id = %(service_id)s and creators.account_id = %(creator_id)s and services.deleted_at is null;

-- name: order_to_earn
-- An order that was placed while the code of before still ran.
select orders.id, orders.total_price, orders.completed_at, orders.status, creators.account_id as creator_id
from orders join creators on creators.id = orders.creator_id where orders.id = %(order_id)s;

-- name: debts
-- Creators whose balance has been negative since before a moment, the oldest debt first.
select * from creator_balances where negative_since < %(before)s order by negative_since, creator_id limit %(limit)s;

-- name: unbalanced_moves
select 'order' as of, 'sum of a move' as what, coalesce(min(order_id), 0) as id, 0 as stored,
    sum(amount)::bigint as counted
from earning_entries group by move_id having sum(amount) <> 0
order by 3 limit %(limit)s;

-- name: order_differences
-- An earning against its own entries, its frozen terms, and the ledger of the payments.
with entries as (
    select order_id,
        sum(amount) filter (where account = 'pending') as pending,
        sum(amount) filter (where account = 'frozen') as frozen,
        sum(amount) filter (where account in ('platform', 'commission_tax')) as commission,
        sum(-amount) filter (where account = 'buyers') as bought
    from earning_entries where order_id is not null group by order_id
), taken as (
    select payments.order_id, sum(ledger_entries.amount) as amount
    from ledger_entries join payments on payments.id = ledger_entries.payment_id
    where account = 'creator' group by payments.order_id
)
select 'order' as of, earnings.order_id as id, fact.what, fact.stored::bigint, fact.counted::bigint
from earnings left join entries using (order_id) left join taken using (order_id)
cross join lateral (select captured - refunded - charged_back as amount) as remains
cross join lateral (values
    ('pending', earnings.pending, coalesce(entries.pending, 0)),
    ('frozen', earnings.frozen, coalesce(entries.frozen, 0)),
    ('bought', captured - refunded - refunded_kept, coalesce(entries.bought, 0)),
    ('taken from the buyer', coalesce(taken.amount, 0), coalesce(entries.bought, 0)),
    ('commission', earnings.commission, least(captured,
        least(max_amount, greatest((2 * captured * percent_bp + 10000) / 20000 + fixed, min_amount)))),
    ('commission left', coalesce(entries.commission, 0),
        case when captured > 0 then (2 * earnings.commission * remains.amount + captured) / (2 * captured) else 0 end)
) as fact (what, stored, counted)
where fact.stored <> fact.counted
order by 2, 3 limit %(limit)s;

-- name: unearned_orders
-- Money was taken for an order with a creator, and no earning knows of it.
select 'order' as of, 'earning' as what, orders.id, 'missing' as stored, 'captured' as counted from orders
where creator_id is not null and money = 'captured' and not exists (select from earnings where order_id = orders.id)
order by orders.id limit %(limit)s;

-- name: balance_differences
with entries as (
    select creator_id,
        sum(amount) filter (where account = 'pending') as pending,
        sum(amount) filter (where account = 'frozen') as frozen,
        sum(amount) filter (where account = 'available') as available,
        sum(amount) filter (where account = 'reserved') as reserved,
        sum(amount) filter (where account = 'paid') as paid
    from earning_entries where creator_id is not null group by creator_id
)
select 'balance of creator' as of, creator_id as id, fact.what, fact.stored::bigint, fact.counted::bigint
from creator_balances balance left join entries using (creator_id)
cross join lateral (values
    ('pending', balance.pending, coalesce(entries.pending, 0)),
    ('frozen', balance.frozen, coalesce(entries.frozen, 0)),
    ('available', balance.available, coalesce(entries.available, 0)),
    ('reserved', balance.reserved, coalesce(entries.reserved, 0)),
    ('paid', balance.paid, coalesce(entries.paid, 0))
) as fact (what, stored, counted)
where fact.stored <> fact.counted
order by 2, 3 limit %(limit)s;

-- name: overdue
-- What the clearance should have moved by now.
select 'order' as of, 'overdue clearance' as what, order_id as id, pending as stored, 0 as counted from earnings
where pending > 0 and clears_at < %(before)s and mode = 'balance'
order by clears_at limit %(limit)s;

-- name: export_earnings
select order_id as id, order_id, mode, price, captured, commission, refunded, refunded_kept, charged_back, pending, frozen,
    captured_at, completed_at, clears_at, cleared_at, created_at
from earnings where creator_id = %(account_id)s and order_id > %(after)s order by order_id limit %(limit)s;

-- name: export_entries
select id, kind, account, amount, order_id, payout_id, note, created_at from earning_entries
where creator_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: export_balance
select creator_id as id, pending, frozen, available, reserved, paid, updated_at from creator_balances
where creator_id = %(account_id)s and creator_id > %(after)s limit %(limit)s;

-- name: erasure_obstacles
-- Money that is due to the creator, or owed by them.
select 'balance_not_settled' as code, creator_id as id from creator_balances
where creator_id = %(account_id)s and (pending <> 0 or frozen <> 0 or available <> 0 or reserved <> 0);

-- name: erase_earnings
update earnings set stop_reason = redacted(stop_reason, %(names)s::text[], %(alias)s)
where creator_id = %(account_id)s and mentions(stop_reason, %(names)s::text[]);

-- name: erase_balance
update creator_balances set stop_reason = redacted(stop_reason, %(names)s::text[], %(alias)s)
where creator_id = %(account_id)s and stop_reason is not null;

-- name: erase_chargebacks
update chargebacks set note = redacted(note, %(names)s::text[], %(alias)s)
where order_id in (select order_id from earnings where creator_id = %(account_id)s)
    and mentions(note, %(names)s::text[]);
