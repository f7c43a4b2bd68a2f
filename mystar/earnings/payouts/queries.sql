-- name: add_payout
insert into payouts (creator_id, details_id, provider, amount, status, requested_by, approved_at, created_at, updated_at)
values (%(creator_id)s, %(details_id)s, %(provider)s, %(amount)s, %(status)s, %(requested_by)s,
    case when %(status)s = 'approved' then %(now)s::timestamptz end, %(now)s, %(now)s)
returning id;

-- name: add_parts
insert into payout_parts (payout_id, number, amount, status, created_at, updated_at)
select %(payout_id)s, number, amount, %(status)s, %(now)s, %(now)s
from unnest(%(amounts)s::bigint[]) with ordinality as part (amount, number);

-- name: payouts
-- One, or a page of a creator's, or of a status, newest first. What is not asked for is null.
select payouts.*, payout_details.mask from payouts join payout_details on payout_details.id = payouts.details_id
where (%(id)s::bigint is null or payouts.id = %(id)s)
    and (%(creator_id)s::bigint is null or payouts.creator_id = %(creator_id)s)
    and (%(status)s::text is null or payouts.status = %(status)s)
order by payouts.id desc limit %(limit)s offset %(offset)s;

-- name: count_payouts
select count(*) from payouts where creator_id = %(creator_id)s;

-- name: parts
select * from payout_parts where payout_id = any(%(payout_ids)s::bigint[]) order by payout_id, number;

-- name: creator_of
select creator_id from payouts where id = %(id)s;

-- name: lock_payout
select id from payouts where id = %(id)s for no key update;

-- name: set_status
update payouts set status = %(status)s, updated_at = %(now)s,
    closed_at = case when %(is_open)s then null else coalesce(closed_at, %(now)s) end
where id = %(id)s;

-- name: set_part
update payout_parts set status = %(status)s, reason = coalesce(%(reason)s, reason),
    provider_id = coalesce(%(provider_id)s, provider_id), check_at = %(check_at)s, updated_at = %(now)s,
    sent_at = case when %(status)s = 'sending' then coalesce(sent_at, %(now)s) else sent_at end,
    settled_at = case when %(is_open)s then null else %(now)s::timestamptz end
where id = %(id)s;

-- name: set_approval
update payouts set updated_at = %(now)s,
    second_by = case when approved_as is not null then %(account_id)s::bigint end,
    second_as = case when approved_as is not null then %(name)s end,
    second_at = case when approved_as is not null then %(now)s::timestamptz end,
    approved_by = case when approved_as is null then %(account_id)s::bigint else approved_by end,
    approved_as = coalesce(approved_as, %(name)s),
    approved_at = coalesce(approved_at, %(now)s)
where id = %(id)s;

-- name: set_document
update payouts set document = %(document)s, updated_at = %(now)s where id = %(id)s;

-- name: set_exported
update payouts set exported_at = coalesce(exported_at, %(now)s), updated_at = %(now)s where id = %(id)s;

-- name: open_status
select status from payouts
where creator_id = %(creator_id)s and status in ('requested', 'approved', 'sending', 'pending', 'unknown')
    and order_id is null;

-- name: is_active
select is_active from accounts where id = %(id)s;

-- name: set_by_hand
insert into creator_balances (creator_id, by_hand, updated_at) values (%(creator_id)s, %(by_hand)s, %(now)s)
on conflict on constraint creator_balances_pkey do update set by_hand = excluded.by_hand, updated_at = excluded.updated_at;

-- name: to_sweep
-- Whom the schedule may pay; each is checked again under its lock.
select balance.creator_id
from creator_balances balance
join payout_details on payout_details.creator_id = balance.creator_id and replaced_at is null
join accounts on accounts.id = balance.creator_id
where available > 0 and available >= %(minimum)s and stop_reason is null and not by_hand and usable_at <= %(now)s
    and accounts.is_active and balance.creator_id > %(after)s
    and not exists (
        select from payouts where payouts.creator_id = balance.creator_id
            and status in ('requested', 'approved', 'sending', 'pending', 'unknown')
    )
order by balance.creator_id limit %(limit)s;

-- name: last_sweep
select period, finished_at from payout_sweeps where period is not null order by period desc limit 1;

-- name: add_sweep
insert into payout_sweeps (period, requested, finished_at) values (%(period)s, %(requested)s, %(now)s)
on conflict on constraint payout_sweeps_period_key do nothing;

-- name: payout_differences
-- The state of a payout and of its money against its parts.
with parts as (
    select payout_id, sum(amount) as amount,
        coalesce(sum(amount) filter (
            where status in ('requested', 'approved', 'sending', 'pending', 'unknown')), 0) as reserved,
        coalesce(sum(amount) filter (where status = 'paid'), 0) as paid
    from payout_parts group by payout_id
), entries as (
    select payout_id, sum(amount) filter (where account = 'reserved') as reserved,
        sum(amount) filter (where account = 'paid') as paid
    from earning_entries where payout_id is not null group by payout_id
)
select 'payout' as of, fact.what, payouts.id, fact.stored::bigint, fact.counted::bigint
from payouts left join parts on parts.payout_id = payouts.id left join entries on entries.payout_id = payouts.id
cross join lateral (values
    ('amount', payouts.amount, parts.amount),
    ('reserved', coalesce(entries.reserved, 0), parts.reserved),
    ('paid', coalesce(entries.paid, 0), parts.paid),
    ('open', (payouts.status in ('requested', 'approved', 'sending', 'pending', 'unknown'))::integer,
        (parts.reserved > 0)::integer)
) as fact (what, stored, counted)
where fact.stored is distinct from fact.counted
order by payouts.id, fact.what limit %(limit)s;

-- name: stopped_and_sending
-- Nothing is sent for a creator whose payouts are stopped.
select 'payout' as of, 'sending while stopped' as what, payouts.id, payouts.status as stored,
    coalesce(stop_reason, '') as counted
from payouts join creator_balances using (creator_id)
where payouts.status = 'sending' and stopped_at < coalesce(payouts.exported_at, payouts.updated_at)
order by payouts.id limit %(limit)s;

-- name: long_unknown
-- What a provider should have told by now; of a payout by hand only the staff can find out.
select 'payout part' as of, 'unknown for a day' as what, payout_parts.id, payout_parts.amount as stored, 0 as counted
from payout_parts join payouts on payouts.id = payout_id
where payout_parts.status = 'unknown' and provider <> 'manual'
    and coalesce(payout_parts.sent_at, payout_parts.updated_at) < %(before)s
order by payout_parts.id limit %(limit)s;

-- name: count_open_payouts
-- Of each status that reserves money, by payouts_status_idx, up to a limit.
select wanted.status, count(amount) as payouts_open, coalesce(sum(amount), 0) as payouts_open_kopecks
from unnest(%(statuses)s::text[]) as wanted (status)
left join lateral (select amount from payouts where payouts.status = wanted.status limit 10001) found on true
group by wanted.status;

-- name: export_payouts
select id, provider, amount, status, order_id, closed_at, created_at, updated_at from payouts
where creator_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: erasure_obstacles
select 'unfinished_payouts' as code, id from payouts
where creator_id = %(account_id)s and status in ('requested', 'approved', 'sending', 'pending', 'unknown')
order by id limit 100;

-- name: erase_approvals
-- Of a former member of the staff.
update payouts set approved_as = redacted(approved_as, %(names)s::text[], %(alias)s),
    second_as = redacted(second_as, %(names)s::text[], %(alias)s)
where (approved_by = %(account_id)s or second_by = %(account_id)s)
    and mentions(concat_ws(' ', approved_as, second_as), %(names)s::text[]);
