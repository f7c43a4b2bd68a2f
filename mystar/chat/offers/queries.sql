-- name: offer_of_message
-- plan: generic
select * from shown_offers where message_id = %(message_id)s;

-- name: add_offer
-- The caller holds the lock of the conversation, so the pending ones are counted exactly.
insert into offers (
    conversation_id, message_id, service_id, creator_id, buyer_id, title, text, price, modifications_price,
    delivery_days, expires_at, created_at)
values (
    %(conversation_id)s, %(message_id)s, %(service_id)s, %(creator_id)s, %(buyer_id)s, %(title)s, %(text)s, %(price)s,
    %(modifications_price)s, %(delivery_days)s, %(expires_at)s, %(now)s);

-- name: count_pending_offers
select count(*) from offers where conversation_id = %(conversation_id)s and status = 'pending';

-- name: offer
-- plan: generic
select * from shown_offers where id = %(id)s;

-- name: lock_offer
-- Two clicks queue here. Locked by its own row; the view is read after the lock, so it shows what the other click did.
select id from offers where id = %(id)s for no key update;

-- name: lock_due_offer
-- Several processes share the work: a locked offer is skipped.
select id from offers where id = %(id)s and status = 'pending' and expires_at <= %(now)s
for no key update skip locked;

-- name: close_offer
update offers set status = %(status)s, reason = %(reason)s, closed_at = %(now)s where id = %(id)s;

-- name: due_offers
select id from offers where status = 'pending' and expires_at <= %(now)s order by expires_at limit %(limit)s;

-- name: offers_of_conversation
select * from shown_offers where conversation_id = %(conversation_id)s
order by id desc limit %(limit)s offset %(offset)s;

-- name: count_offers_of_conversation
select count(*) from offers where conversation_id = %(conversation_id)s;

-- name: offers_of_account
-- Received, sent, or both: each half is cut from its own index. A null id finds nothing.
select shown_offers.* from (
    select id from (
        (select id from offers where buyer_id = %(buyer_id)s::bigint
            and (%(status)s::text is null or status = %(status)s::text)
         order by id desc limit %(limit)s::bigint + %(offset)s::bigint)
        union all
        (select id from offers where creator_id = (select id from creators where account_id = %(seller_id)s::bigint)
            and (%(status)s::text is null or status = %(status)s::text)
         order by id desc limit %(limit)s::bigint + %(offset)s::bigint)
    ) found
    order by id desc limit %(limit)s offset %(offset)s
) page join shown_offers using (id)
order by id desc;

-- name: count_offers_of_account
select (
    select count(*) from offers where buyer_id = %(buyer_id)s::bigint
        and (%(status)s::text is null or status = %(status)s::text)
) + (
    select count(*) from offers where creator_id = (select id from creators where account_id = %(seller_id)s::bigint)
        and (%(status)s::text is null or status = %(status)s::text)
);

-- name: export_offers
select offers.id, conversation_id, message_id, service_id, title, text, price, modifications_price, delivery_days, status,
    reason, expires_at, offers.created_at, closed_at
from offers join creators on creators.id = offers.creator_id
where (creators.account_id = %(account_id)s or offers.buyer_id = %(account_id)s) and offers.id > %(after)s
order by offers.id limit %(limit)s;

-- name: erase_own_offers
-- The price and the term that were offered stay for the buyer; the title is what the service is called.
update offers set title = redacted(title, %(names)s::text[], %(alias)s), text = '',
    reason = case when status = 'declined' then redacted(reason, %(names)s::text[], %(alias)s) else '' end,
    status = case when status = 'pending' then 'withdrawn' else status end, closed_at = coalesce(closed_at, %(now)s)
where creator_id = (select id from creators where account_id = %(account_id)s);

-- name: erase_offers_received
update offers set title = redacted(title, %(names)s::text[], %(alias)s), text = redacted(text, %(names)s::text[], %(alias)s),
    reason = case when status = 'declined' then '' else redacted(reason, %(names)s::text[], %(alias)s) end,
    status = case when status = 'pending' then 'declined' else status end, closed_at = coalesce(closed_at, %(now)s)
where buyer_id = %(account_id)s;
