-- Money. Amounts are kopecks. Every move is a ledger entry; entries are only ever added and sum to zero.

create table payments (
    id bigint generated always as identity primary key,
    -- The order that is paid for. Orders come later and own their table, so this is a plain number here.
    order_id bigint not null,
    payer_id bigint references accounts on delete restrict,
    amount bigint not null,
    currency text not null default 'RUB',
    description text not null,
    return_url text not null,
    -- pending: the person has not paid; held: waits for capture; captured; released; refunded; failed: never held.
    status text not null default 'pending',
    -- What we want of it: hold it, capture it, or give it back, whatever it takes from its present status.
    goal text not null default 'hold',
    captured bigint not null default 0,
    refunded bigint not null default 0,
    provider_id text,
    confirmation_url text,
    method text,
    -- When the provider lets go of the hold by itself.
    expires_at timestamptz,
    cancellation_party text,
    cancellation_reason text,
    held_at timestamptz,
    settled_at timestamptz,
    checked_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint payments_provider_key unique (provider_id),
    constraint payments_amount_check check (amount > 0),
    constraint payments_currency_check check (currency = 'RUB'),
    constraint payments_status_check check (status in ('pending', 'held', 'captured', 'released', 'refunded', 'failed')),
    constraint payments_goal_check check (goal in ('hold', 'capture', 'give_back')),
    constraint payments_moves_check check (0 <= refunded and refunded <= captured and captured <= amount)
);
-- A second open payment for one order would let it be paid twice.
create unique index payments_open_key on payments (order_id) where status in ('pending', 'held');
create index payments_order_idx on payments (order_id, id desc);
create index payments_unsettled_idx on payments (checked_at nulls first, id) where status in ('pending', 'held');
create index payments_status_idx on payments (status, created_at desc);
create index payments_payer_idx on payments (payer_id, id desc);

create table ledger_entries (
    id bigint generated always as identity primary key,
    -- The entries of one move share it, and their amounts sum to zero per currency.
    move_id uuid not null,
    payment_id bigint not null references payments on delete restrict,
    -- payer: outside money; held: blocked at the provider; creator: earned by the work.
    account text not null,
    amount bigint not null,
    currency text not null,
    reason text not null,
    created_at timestamptz not null default now(),
    constraint ledger_entries_account_check check (account in ('payer', 'held', 'creator')),
    constraint ledger_entries_reason_check check (reason in ('hold', 'capture', 'release', 'refund')),
    constraint ledger_entries_amount_check check (amount <> 0)
);
create index ledger_entries_payment_idx on ledger_entries (payment_id, id);
create index ledger_entries_move_idx on ledger_entries (move_id);

create function ledger_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'ledger entries are never changed or removed'
        using errcode = 'check_violation', constraint = 'ledger_append_only';
end
$$;
create trigger ledger_append_only before update or delete or truncate on ledger_entries
    for each statement execute function ledger_is_append_only();

create function ledger_move_sums_to_zero() returns trigger language plpgsql as $$
begin
    if exists (
        select from ledger_entries where move_id = new.move_id group by currency having sum(amount) <> 0
    ) then
        raise exception 'the entries of move % do not sum to zero', new.move_id
            using errcode = 'check_violation', constraint = 'ledger_sums_to_zero';
    end if;
    return null;
end
$$;
create constraint trigger ledger_sums_to_zero after insert on ledger_entries
    deferrable initially deferred for each row execute function ledger_move_sums_to_zero();
