-- expand
-- The studio's orders: a number to ask by, what is wanted in words and pictures, and when it is taken up.

create extension if not exists pg_trgm;

alter table orders
    -- Six digits, of studio orders only. Text, for leading zeros count.
    add column number text,
    add column if not exists title text not null default '',
    add column if not exists description text not null default '',
    -- When the studio takes it up, once staff have asked for that.
    add column process_at timestamptz,
    add constraint orders_number_key unique (number),
    add constraint orders_number_check check ((kind = 'studio') = (number is not null));

-- Any three digits of a number are found by the first; fewer are in so many numbers that the newest are soon found.
create index orders_number_idx on orders using gin (number gin_trgm_ops) where kind = 'studio';
-- What guests see, and what somebody sees of his own, newest first; counted and searched without touching the table.
create index orders_studio_guest_idx on orders (created_at desc, id desc) include (number)
    where kind = 'studio' and status <> 'cancelled' and buyer_id is null;
create index orders_studio_owner_idx on orders (buyer_id, created_at desc, id desc) include (number)
    where kind = 'studio' and status <> 'cancelled' and buyer_id is not null;

create table order_pictures (
    order_id bigint not null references orders on delete cascade,
    file_id bigint not null references files on delete restrict,
    constraint order_pictures_pkey primary key (order_id, file_id)
);
create index order_pictures_file_idx on order_pictures (file_id);

-- A guest's picture belongs to nobody.
alter table files alter column owner_id drop not null;
