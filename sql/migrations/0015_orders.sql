-- expand
-- Service orders: options, deadlines, lists by status; and money that is refunded in parts.

alter table orders
    -- The chosen options as they were when the order was placed: [{"id", "name", "description", "price" in kopecks}].
    -- `total_price` is `price` and theirs; a service may change or drop an option, an order keeps it.
    add column options jsonb not null default '[]',
    -- When the system takes the next step by itself, unless somebody does; null when it waits for nobody.
    add column deadline_at timestamptz,
    add column reviewed_at timestamptz,
    -- Kopecks of what was captured that went back to the buyer.
    add column refunded bigint not null default 0,
    add constraint orders_options_check check (jsonb_typeof(options) = 'array'),
    add constraint orders_refunded_check check (refunded between 0 and total_price);
update orders set refunded = total_price where money = 'refunded';

-- Orders from before there were deadlines get a whole term.
update orders set deadline_at = now() + interval '3 days'
where kind <> 'studio'
    and (status = 'pending' or (status = 'delivered' and (kind = 'service' or money in ('held', 'captured'))));
update orders set deadline_at = now() + interval '7 days' where kind <> 'studio' and status = 'in_progress';

create index orders_deadline_idx on orders (deadline_at, id) where deadline_at is not null;

-- What lists show and filter by: an open order whose money is there is "paid".
create function shown_status(status text, money text) returns text immutable parallel safe language sql as $$
    select case when status in ('pending', 'accepted') and money in ('held', 'captured') then 'paid' else status end
$$;
create index orders_buyer_status_idx on orders (buyer_id, shown_status(status, money), created_at desc, id desc);
create index orders_creator_status_idx on orders (creator_id, shown_status(status, money), created_at desc, id desc);

alter table payments
    -- Kopecks of the partial refund that is under way, and how many of those there have been: the number is a part of
    -- the name of the call, so that each is asked for once.
    add column refunding bigint not null default 0,
    add column refunds integer not null default 0,
    add constraint payments_refunding_check check (refunding >= 0 and refunded + refunding <= captured);
