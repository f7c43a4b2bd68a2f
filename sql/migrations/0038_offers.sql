-- expand
-- Custom offers: a creator proposes a service at a price and a term inside a conversation; the buyer accepts it once.

create table offers (
    id bigint generated always as identity primary key,
    conversation_id bigint not null references conversations on delete cascade,
    -- The message that shows the offer.
    message_id bigint not null references messages on delete cascade,
    service_id bigint not null references services on delete restrict,
    creator_id bigint not null references creators on delete restrict,
    buyer_id bigint not null references accounts on delete restrict,
    title text not null,
    text text not null default '',
    -- Kopecks: the whole price, and the whole price with modifications; null = none are offered.
    price bigint not null,
    modifications_price bigint,
    delivery_days integer not null,
    status text not null default 'pending',
    -- Why it was declined or withdrawn.
    reason text not null default '',
    expires_at timestamptz not null,
    created_at timestamptz not null,
    closed_at timestamptz,
    constraint offers_message_key unique (message_id),
    constraint offers_status_check check (status in ('pending', 'accepted', 'declined', 'withdrawn', 'expired')),
    constraint offers_closed_check check ((status = 'pending') = (closed_at is null)),
    constraint offers_price_check check (price > 0 and modifications_price >= price),
    constraint offers_days_check check (delivery_days between 1 and 365)
);
create index offers_conversation_idx on offers (conversation_id, id desc);
create index offers_service_idx on offers (service_id);
create index offers_creator_idx on offers (creator_id, id desc);
create index offers_buyer_idx on offers (buyer_id, id desc);
create index offers_due_idx on offers (expires_at) where status = 'pending';

-- The offer that an order was made of; one offer makes one order, whatever is clicked twice.
alter table orders
    add column offer_id bigint references offers on delete restrict,
    add constraint orders_offer_key unique (offer_id);

-- An offer as its two parties see it, with the order that was made of it.
create view shown_offers as
select offers.*, creators.account_id as creator_account_id, orders.id as order_id
from offers join creators on creators.id = offers.creator_id left join orders on orders.offer_id = offers.id;

create or replace view shown_messages as
select messages.id, messages.conversation_id, messages.number, messages.position, messages.changed_position,
    messages.sender_id, accounts.username, case when accounts.avatar_id is not null then accounts.avatar_key end as avatar,
    messages.text, messages.answer_id, messages.client_id, messages.sent_at, messages.edited_at, messages.deleted_at,
    (
        select jsonb_agg(
            jsonb_build_object('id', files.id, 'name', files.name, 'size', files.size, 'content_type', files.content_type,
                'key', files.key)
            order by message_files.place)
        from message_files join files on files.id = message_files.file_id
        where message_files.message_id = messages.id
    ) as files,
    (select to_jsonb(shown_offers) from shown_offers where shown_offers.message_id = messages.id) as offer
from messages join accounts on accounts.id = messages.sender_id;
