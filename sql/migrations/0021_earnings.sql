-- expand
-- What creators earn, what the platform keeps of it, and how the money reaches them. Amounts are kopecks.

create table commission_rules (
    id bigint generated always as identity primary key,
    -- The rules that were set together; a newer list stands before an older one.
    list integer not null,
    -- The place in the list, from 1: the first rule that matches is applied.
    position integer not null,
    name text not null,
    -- Conditions: null = any; several values of one condition are alternatives.
    creator_ids bigint[],
    category_ids bigint[],
    kinds text[],
    price_from bigint,
    price_to bigint,
    -- Basis points: 1250 = 12.5 %.
    percent_bp integer not null,
    fixed bigint not null default 0,
    min_amount bigint not null default 0,
    max_amount bigint,
    valid_from timestamptz not null,
    created_by bigint references accounts on delete restrict,
    created_at timestamptz not null,
    constraint commission_rules_place_key unique (list, position),
    constraint commission_rules_percent_check check (percent_bp between 0 and 10000),
    constraint commission_rules_amounts_check check (fixed >= 0 and min_amount >= 0 and max_amount >= min_amount),
    constraint commission_rules_price_check check (price_from >= 0 and price_to >= price_from)
);
create index commission_rules_created_by_idx on commission_rules (created_by);

-- One per order with a creator, made when the order is placed. The terms are a copy: no later rule changes them.
create table earnings (
    order_id bigint primary key references orders on delete restrict,
    -- The account of the creator.
    creator_id bigint not null references accounts on delete restrict,
    mode text not null default 'balance',
    deal_id text,
    -- Null: no rule matched, and the commission is 0.
    rule_id bigint references commission_rules on delete restrict,
    percent_bp integer not null default 0,
    fixed bigint not null default 0,
    min_amount bigint not null default 0,
    max_amount bigint,
    -- Per cent of VAT inside the commission; 0 = none.
    vat_percent integer not null default 0,
    -- Whether a refund leaves the commission with the platform, at the creator's expense.
    keeps_commission boolean not null default false,
    -- The price that the terms were chosen for; what is captured may be less.
    price bigint not null,
    captured bigint not null default 0,
    -- The commission on what was captured, before any refund.
    commission bigint not null default 0,
    -- What went back to the buyer: together with its part of the commission, and without.
    refunded bigint not null default 0,
    refunded_kept bigint not null default 0,
    -- What a bank took back at the creator's and at the platform's expense.
    charged_back bigint not null default 0,
    charged_back_platform bigint not null default 0,
    -- The creator's share that is not cleared yet.
    pending bigint not null default 0,
    frozen bigint not null default 0,
    captured_at timestamptz,
    completed_at timestamptz,
    clears_at timestamptz,
    cleared_at timestamptz,
    -- A dispute of the parties and a stop by the staff each freeze the share; the clock stands from the first of them.
    is_disputed boolean not null default false,
    stop_reason text,
    paused_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint earnings_mode_check check (mode in ('balance', 'safe_deal')),
    constraint earnings_terms_check check (
        percent_bp between 0 and 10000 and fixed >= 0 and min_amount >= 0 and vat_percent in (0, 5, 7, 22)),
    constraint earnings_amounts_check check (
        commission between 0 and captured and pending >= 0 and frozen >= 0
        and least(refunded, refunded_kept, charged_back, charged_back_platform) >= 0
        and refunded + refunded_kept + charged_back + charged_back_platform <= captured)
);
create index earnings_creator_idx on earnings (creator_id, order_id desc);
create index earnings_rule_idx on earnings (rule_id);
create index earnings_due_idx on earnings (clears_at, order_id) where pending > 0 and clears_at is not null;

create table creator_balances (
    creator_id bigint primary key references accounts on delete restrict,
    pending bigint not null default 0,
    frozen bigint not null default 0,
    -- May be negative: a debt, which later earnings pay off.
    available bigint not null default 0,
    reserved bigint not null default 0,
    paid bigint not null default 0,
    negative_since timestamptz,
    -- Why nothing is paid out until the staff say so; null = nothing stands in the way.
    stop_reason text,
    stopped_at timestamptz,
    -- The creator wants no payouts by schedule.
    by_hand boolean not null default false,
    updated_at timestamptz not null,
    constraint creator_balances_check check (pending >= 0 and frozen >= 0 and reserved >= 0 and paid >= 0)
);
create index creator_balances_debt_idx on creator_balances (negative_since) where negative_since is not null;
create index creator_balances_available_idx on creator_balances (creator_id) where available > 0;

-- Where a creator's money goes. What identifies the account is sealed with the installation's key.
create table payout_details (
    id bigint generated always as identity primary key,
    creator_id bigint not null references accounts on delete restrict,
    kind text not null,
    sealed bytea not null,
    mask text not null,
    -- Equal for equal details and useless without the key.
    fingerprint text not null,
    usable_at timestamptz not null,
    -- When the staff, or a payment that arrived, confirmed them; the first payout to new details is looked at.
    confirmed_at timestamptz,
    replaced_at timestamptz,
    created_at timestamptz not null,
    constraint payout_details_kind_check check (kind in ('sbp', 'card', 'wallet', 'bank_account'))
);
create unique index payout_details_current_key on payout_details (creator_id) where replaced_at is null;
create index payout_details_creator_idx on payout_details (creator_id, id desc);
create index payout_details_fingerprint_idx on payout_details (fingerprint) where replaced_at is null;

create table payouts (
    id bigint generated always as identity primary key,
    creator_id bigint not null references accounts on delete restrict,
    details_id bigint not null references payout_details on delete restrict,
    provider text not null,
    amount bigint not null,
    status text not null default 'requested',
    -- Null: the schedule asked for it.
    requested_by bigint references accounts on delete restrict,
    approved_by bigint references accounts on delete restrict,
    approved_at timestamptz,
    -- The second pair of eyes, above the bound.
    second_by bigint references accounts on delete restrict,
    second_at timestamptz,
    -- The bank's number of a payout made by hand.
    document text,
    -- The order whose deal it closes, in the mode safe_deal.
    order_id bigint references orders on delete restrict,
    closed_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint payouts_provider_check check (provider in ('manual', 'yookassa')),
    constraint payouts_status_check check (status in (
        'requested', 'approved', 'sending', 'pending', 'unknown', 'paid', 'failed', 'cancelled', 'returned')),
    constraint payouts_amount_check check (amount > 0)
);
-- One at a time and creator; each closed deal has a payout of its own.
create unique index payouts_open_key on payouts (creator_id)
    where status in ('requested', 'approved', 'sending', 'pending', 'unknown') and order_id is null;
create unique index payouts_open_order_key on payouts (order_id)
    where status in ('requested', 'approved', 'sending', 'pending', 'unknown');
create index payouts_creator_idx on payouts (creator_id, id desc);
create index payouts_details_idx on payouts (details_id);
create index payouts_order_idx on payouts (order_id);
create index payouts_requested_by_idx on payouts (requested_by);
create index payouts_approved_by_idx on payouts (approved_by);
create index payouts_second_by_idx on payouts (second_by);
create index payouts_status_idx on payouts (status, id);

-- A payout is cut into parts that its method allows; each is sent, reserved and settled alone.
create table payout_parts (
    id bigint generated always as identity primary key,
    payout_id bigint not null references payouts on delete restrict,
    number integer not null,
    amount bigint not null,
    status text not null default 'requested',
    -- Part of the idempotency key; raised by a person alone, once it is proven that the provider made nothing of it.
    attempt integer not null default 1,
    -- The provider's word for why it failed, or the staff's.
    reason text,
    provider_id text,
    -- Of the first call of this attempt: its key can be repeated for 20 hours.
    sent_at timestamptz,
    settled_at timestamptz,
    check_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint payout_parts_number_key unique (payout_id, number),
    constraint payout_parts_provider_key unique (provider_id),
    constraint payout_parts_status_check check (status in (
        'requested', 'approved', 'sending', 'pending', 'unknown', 'paid', 'failed', 'cancelled', 'returned')),
    constraint payout_parts_amount_check check (amount > 0 and attempt > 0)
);
create index payout_parts_check_idx on payout_parts (check_at, id) where check_at is not null;
create index payout_parts_status_idx on payout_parts (status, id);

create table statements (
    id bigint generated always as identity primary key,
    creator_id bigint not null references accounts on delete restrict,
    -- The first day of the month, which is Moscow's.
    month date not null,
    number text not null,
    opening bigint not null,
    closing bigint not null,
    -- The entries of the balance it lists, by id; the next one begins behind them.
    after_entry_id bigint not null,
    last_entry_id bigint not null,
    line_count integer not null,
    sha256 text not null,
    previous_sha256 text not null,
    created_at timestamptz not null,
    constraint statements_month_key unique (creator_id, month),
    constraint statements_number_key unique (number)
);

create table chargebacks (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders on delete restrict,
    amount bigint not null,
    bearer text not null,
    fee bigint not null default 0,
    note text not null default '',
    entered_by bigint references accounts on delete restrict,
    created_at timestamptz not null,
    constraint chargebacks_amount_check check (amount > 0 and fee >= 0),
    constraint chargebacks_bearer_check check (bearer in ('creator', 'platform'))
);
create index chargebacks_order_idx on chargebacks (order_id);
create index chargebacks_entered_by_idx on chargebacks (entered_by);

create table receipts (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders on delete restrict,
    payment_id bigint not null references payments on delete restrict,
    -- prepayment: at the capture; offset: at the completion; refund: when money went back.
    kind text not null,
    amount bigint not null,
    scheme text not null,
    -- waiting: not sent yet; pending: at the cash register; refused: staff look at it, nothing retries.
    status text not null default 'waiting',
    provider_id text,
    reason text,
    fiscal jsonb,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint receipts_kind_check check (kind in ('prepayment', 'offset', 'refund')),
    constraint receipts_scheme_check check (scheme in ('own', 'agent', 'fee_only')),
    constraint receipts_status_check check (status in ('waiting', 'pending', 'registered', 'refused')),
    constraint receipts_amount_check check (amount > 0),
    constraint receipts_provider_key unique (provider_id)
);
create index receipts_order_idx on receipts (order_id);
create index receipts_payment_idx on receipts (payment_id, kind);
create index receipts_status_idx on receipts (status, id);

-- Claims are positive, what is outside is negative; the entries of a move sum to zero. The entries of a creator's account
-- add up to the column of that name in creator_balances, and are only added while its row is locked.
create table earning_entries (
    id bigint generated always as identity primary key,
    move_id uuid not null,
    kind text not null,
    account text not null,
    amount bigint not null,
    -- Null where the account is nobody's but the platform's or the outside's.
    creator_id bigint references accounts on delete restrict,
    order_id bigint references orders on delete restrict,
    payout_id bigint references payouts on delete restrict,
    part_id bigint references payout_parts on delete restrict,
    note text not null default '',
    created_at timestamptz not null,
    constraint earning_entries_account_check check (account in (
        'buyers', 'pending', 'frozen', 'available', 'reserved', 'paid', 'platform', 'commission_tax', 'fees',
        'losses', 'chargebacks', 'adjustments')),
    constraint earning_entries_owner_check check (
        creator_id is not null or account not in ('pending', 'frozen', 'available', 'reserved', 'paid', 'adjustments')),
    constraint earning_entries_amount_check check (amount <> 0)
);
create index earning_entries_move_idx on earning_entries (move_id);
create index earning_entries_creator_idx on earning_entries (creator_id, id desc);
create index earning_entries_order_idx on earning_entries (order_id);
create index earning_entries_payout_idx on earning_entries (payout_id);
create index earning_entries_part_idx on earning_entries (part_id);

create function earning_entries_are_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'earning entries are never changed or removed'
        using errcode = 'check_violation', constraint = 'earning_entries_append_only';
end
$$;
create trigger earning_entries_append_only before update or delete or truncate on earning_entries
    for each statement execute function earning_entries_are_append_only();

create function earning_move_sums_to_zero() returns trigger language plpgsql as $$
begin
    if (select sum(amount) from earning_entries where move_id = new.move_id) <> 0 then
        raise exception 'the entries of move % do not sum to zero', new.move_id
            using errcode = 'check_violation', constraint = 'earning_entries_sum_to_zero';
    end if;
    return null;
end
$$;
create constraint trigger earning_entries_sum_to_zero after insert on earning_entries
    deferrable initially deferred for each row execute function earning_move_sums_to_zero();

-- Orders of before have no commission. What was captured for them is frozen until the staff say whether it has been paid
-- to the creator already or is still owed; nothing is paid by itself.
insert into earnings (order_id, creator_id, price, captured, refunded, frozen, captured_at, completed_at, stop_reason,
    paused_at, is_disputed, created_at, updated_at)
select orders.id, creators.account_id, orders.total_price, coalesce(taken.captured, 0), coalesce(taken.refunded, 0),
    coalesce(taken.captured - taken.refunded, 0), taken.captured_at, orders.completed_at,
    case when taken.captured > 0 then 'before' end,
    case when taken.captured > 0 or orders.status = 'disputed' then now() end,
    orders.status = 'disputed', orders.created_at, now()
from orders join creators on creators.id = orders.creator_id
left join (
    select order_id, sum(captured) as captured, sum(refunded) as refunded,
        min(coalesce(settled_at, updated_at)) as captured_at
    from payments where captured > 0 group by order_id
) as taken on taken.order_id = orders.id;

insert into creator_balances (creator_id, frozen, updated_at)
select creator_id, sum(frozen), now() from earnings group by creator_id;

with moved as (
    select gen_random_uuid() as move_id, order_id, creator_id, captured as amount, 'capture' as kind
    from earnings where captured > 0
    union all
    select gen_random_uuid(), order_id, creator_id, -refunded, 'refund' from earnings where refunded > 0
)
insert into earning_entries (move_id, kind, account, amount, creator_id, order_id, note, created_at)
select move_id, moved.kind, side.account, side.amount, case when side.account = 'frozen' then creator_id end, order_id,
    'before', now()
from moved cross join lateral (values ('buyers', -moved.amount), ('frozen', moved.amount)) as side (account, amount);
