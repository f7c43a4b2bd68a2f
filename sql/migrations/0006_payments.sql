-- expand
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
    -- When the provider is to be asked again, should it not tell by itself; null when there is nothing to wait for.
    check_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint payments_provider_key unique (provider_id),
    constraint payments_amount_check check (amount > 0),
    constraint payments_currency_check check (currency = 'RUB'),
    constraint payments_status_check check (status in ('pending', 'held', 'captured', 'released', 'refunded', 'failed')),
    constraint payments_goal_check check (goal in ('hold', 'capture', 'give_back')),
    constraint payments_moves_check check (0 <= refunded and refunded <= captured and captured <= amount)
);
-- A second payment beside one that is open, or that was taken and kept, would let an order be paid twice.
create unique index payments_open_key on payments (order_id) where status in ('pending', 'held', 'captured');
create index payments_order_idx on payments (order_id, id desc);
create index payments_check_idx on payments (check_at, id) where check_at is not null;
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
-- Money is held, taken and let go once in a payment's life; only refunds may come in parts.
create unique index ledger_once_key on ledger_entries (payment_id, reason, account) where reason <> 'refund';

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

-- Nothing is released, taken or refunded that was not there before.
create function ledger_accounts_stay_sound() returns trigger language plpgsql as $$
begin
    if exists (
        select from ledger_entries where payment_id = new.payment_id group by account, currency
        having case when account = 'payer' then sum(amount) > 0 else sum(amount) < 0 end
    ) then
        raise exception 'more money leaves an account of payment % than came', new.payment_id
            using errcode = 'check_violation', constraint = 'ledger_accounts_sound';
    end if;
    return null;
end
$$;
create constraint trigger ledger_accounts_sound after insert on ledger_entries
    deferrable initially deferred for each row execute function ledger_accounts_stay_sound();

-- What the provider said and we refused to believe, once each, for a person to look at.
create table payment_discrepancies (
    id bigint generated always as identity primary key,
    payment_id bigint references payments on delete restrict,
    provider_id text not null,
    kind text not null,
    details jsonb not null,
    seen_at timestamptz not null default now(),
    constraint payment_discrepancies_key unique nulls not distinct (payment_id, provider_id, kind)
);
create index payment_discrepancies_seen_idx on payment_discrepancies (seen_at desc);
