-- expand
-- Orders of every kind: one table, one life, one history.

create table orders (
    id bigint generated always as identity primary key,
    kind text not null,
    service_id bigint references services on delete restrict,
    creator_id bigint references creators on delete restrict,
    buyer_id bigint references accounts on delete restrict,
    status text not null default 'pending',
    money text not null default 'none',
    -- What the order wants of its money; a payment that is started later is aimed at the same.
    money_goal text not null default 'hold',
    -- Kopecks, frozen when the order is placed: `price` of the service, `total_price` with the chosen options.
    price bigint not null,
    total_price bigint not null,
    -- A greeting: for whom, what to say, what kind and until when.
    for_whom text not null default '',
    wish text not null default '',
    occasion text not null default 'video',
    by_date date,
    by_time time,
    cancellation_reason text,
    accepted_at timestamptz,
    paid_at timestamptz,
    delivered_at timestamptz,
    completed_at timestamptz,
    cancelled_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint orders_kind_check check (kind in ('greeting', 'service', 'studio')),
    constraint orders_status_check check (status in (
        'pending', 'accepted', 'in_progress', 'delivered', 'completed', 'rejected', 'cancelled', 'disputed',
        'new', 'in_process')),
    constraint orders_money_check check (money in (
        'none', 'pending', 'held', 'captured', 'released', 'refunded', 'failed')),
    constraint orders_money_goal_check check (money_goal in ('hold', 'capture', 'give_back')),
    constraint orders_price_check check (price >= 0 and total_price >= price),
    constraint orders_occasion_check check (occasion in ('video', 'invitation')),
    constraint orders_parties_check check (
        kind = 'studio' or (service_id is not null and creator_id is not null and buyer_id is not null))
);
create index orders_buyer_idx on orders (buyer_id, created_at desc, id desc);
create index orders_creator_idx on orders (creator_id, created_at desc, id desc);
create index orders_service_idx on orders (service_id);
create index orders_status_idx on orders (status, created_at desc, id desc);

-- Everything that ever happened to an order, in order.
create table order_events (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders on delete cascade,
    -- Who did it; null for the service itself.
    actor_id bigint references accounts on delete set null,
    actor_role text not null,
    action text not null,
    from_status text,
    to_status text not null,
    from_money text,
    to_money text not null,
    details jsonb not null default '{}',
    created_at timestamptz not null default now(),
    constraint order_events_role_check check (actor_role in ('buyer', 'creator', 'staff', 'system'))
);
create index order_events_order_idx on order_events (order_id, id);
create index order_events_actor_idx on order_events (actor_id);

create table deliveries (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders on delete cascade,
    -- 1, 2, 3 … inside the order.
    number integer not null,
    message text not null default '',
    created_by bigint references accounts on delete set null,
    created_at timestamptz not null default now(),
    constraint deliveries_number_key unique (order_id, number)
);
create index deliveries_author_idx on deliveries (created_by);

create table delivery_files (
    delivery_id bigint not null references deliveries on delete cascade,
    file_id bigint not null references files on delete restrict,
    constraint delivery_files_pkey primary key (delivery_id, file_id)
);
create index delivery_files_file_idx on delivery_files (file_id);
