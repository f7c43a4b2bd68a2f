-- name: place_order
-- plan: generic
-- With the parties, so that neither the answer nor the creator's mail has to look for them. No row comes back when one of
-- the two has blocked the other.
with placed as (
    insert into orders (
        kind, service_id, creator_id, buyer_id, price, total_price, options, for_whom, wish, occasion, by_date, by_time,
        deadline_at, offer_id, created_at, updated_at)
    select
        %(kind)s, %(service_id)s, %(creator_id)s, %(buyer_id)s, %(price)s, %(total_price)s, %(options)s::jsonb,
        %(for_whom)s, %(wish)s, %(occasion)s, %(by_date)s, %(by_time)s, %(deadline_at)s, %(offer_id)s, %(now)s,
        %(now)s
    where not exists (
        select from creators
        where id = %(creator_id)s
            and (has_blocked(account_id, %(buyer_id)s) or has_blocked(%(buyer_id)s, account_id)))
    returning *
)
select placed.*, creators.account_id as creator_account_id,
    buyer.username as buyer_username, trim(buyer.first_name || ' ' || buyer.last_name) as buyer_full_name,
    case when buyer.avatar_id is not null then buyer.avatar_key end as buyer_avatar,
    star.username as creator_username, trim(star.first_name || ' ' || star.last_name) as creator_full_name,
    case when star.avatar_id is not null then star.avatar_key end as creator_avatar,
    star.email_verified_at is not null as creator_is_confirmed,
    case when star.is_active then star.email end as creator_email, star.language as creator_language,
    -- What decides about a mail is asked for where there may be one.
    case when star.is_active and star.email is not null
        then recent_notifications(star.id, 'new_order', %(now)s::timestamptz - interval '1 hour') else 0 end as recent_orders,
    star.time_zone as creator_time_zone,
    (select title from services where services.id = placed.service_id) as service_title
from placed
join accounts buyer on buyer.id = placed.buyer_id
left join creators on creators.id = placed.creator_id
left join accounts star on star.id = creators.account_id;

-- name: buyer_is_blocked
select has_blocked((select account_id from creators where id = %(creator_id)s), %(buyer_id)s::bigint);

-- name: lock_order
-- plan: generic
-- Every change of an order or its payment waits for this lock.
select orders.*, creators.account_id as creator_account_id
from orders left join creators on creators.id = orders.creator_id
where orders.id = %(id)s for no key update of orders;

-- name: find_order
-- plan: generic
select orders.*, creators.account_id as creator_account_id
from orders left join creators on creators.id = orders.creator_id
where orders.id = %(id)s;

-- name: move_order
-- plan: generic
-- A moment is set when its status is reached first; a second acceptance does not change it.
update orders set
    status = %(status)s,
    money = %(money)s,
    money_goal = %(goal)s,
    cancellation_reason = coalesce(%(reason)s, cancellation_reason),
    refunded = coalesce(%(refunded)s, refunded),
    deadline_at = %(deadline_at)s,
    accepted_at = case when %(status)s = 'accepted' then coalesce(accepted_at, %(now)s) else accepted_at end,
    paid_at = case when %(money)s in ('held', 'captured') then coalesce(paid_at, %(now)s) else paid_at end,
    delivered_at = case when %(status)s = 'delivered' and status <> 'delivered' then %(now)s else delivered_at end,
    completed_at = case when %(status)s = 'completed' then coalesce(completed_at, %(now)s) else completed_at end,
    cancelled_at = case
        when %(status)s in ('cancelled', 'rejected') then coalesce(cancelled_at, %(now)s) else cancelled_at end,
    updated_at = %(now)s
where id = %(id)s
returning *, %(creator_account_id)s::bigint as creator_account_id;

-- name: set_payment_method
update orders set payment_method = %(method)s, updated_at = %(now)s where id = %(id)s
returning *, %(creator_account_id)s::bigint as creator_account_id;

-- name: set_payment_refusal
update orders set payment_refusal = %(refusal)s, updated_at = %(now)s where id = %(id)s
returning *, %(creator_account_id)s::bigint as creator_account_id;

-- name: due_orders
-- After a position, so that an order that fails does not block those behind it.
select deadline_at, id from orders
where deadline_at <= %(now)s
    and (%(moment)s::timestamptz is null or (deadline_at, id) > (%(moment)s::timestamptz, %(id)s::bigint))
order by deadline_at, id limit %(batch)s;

-- name: lock_due_order
-- Several processes share the work: a locked order is skipped, a moved one is no longer due.
select orders.*, creators.account_id as creator_account_id
from orders left join creators on creators.id = orders.creator_id
where orders.id = %(id)s and orders.deadline_at <= %(now)s for no key update of orders skip locked;

-- name: edit_order
update orders set
    wish = coalesce(%(wish)s, wish), by_date = coalesce(%(by_date)s::date, by_date), updated_at = %(now)s
where id = %(id)s
returning *, (select account_id from creators where creators.id = orders.creator_id) as creator_account_id;

-- name: mark_reviewed
update orders set reviewed_at = %(now)s where id = %(id)s
returning *, (select account_id from creators where creators.id = orders.creator_id) as creator_account_id;

-- name: add_event
-- plan: generic
insert into order_events (
    order_id, actor_id, actor_role, action, from_status, to_status, from_money, to_money, details, created_at)
values (
    %(order_id)s, %(actor_id)s, %(role)s, %(action)s, %(from_status)s, %(to_status)s, %(from_money)s, %(to_money)s,
    %(details)s, %(now)s);

-- name: add_delivery
-- The order is locked by then, so the numbers have no gaps and no twins.
insert into deliveries (order_id, number, message, created_by, created_at)
values (
    %(order_id)s, (select coalesce(max(number), 0) + 1 from deliveries where order_id = %(order_id)s),
    %(message)s, %(created_by)s, %(now)s)
returning id, order_id, number, message, created_by, created_at;

-- name: add_delivery_files
insert into delivery_files (delivery_id, file_id) select %(delivery_id)s, unnest(%(file_ids)s::bigint[]);

-- name: delivered_files
select delivery_files.file_id
from deliveries join delivery_files on delivery_files.delivery_id = deliveries.id
where deliveries.order_id = %(order_id)s
order by deliveries.number, delivery_files.file_id;

-- name: order_entries
-- plan: generic
-- One order, or those of a buyer, of a seller, or of both, newest first: each half of a page is cut from its index before
-- anything is joined to it. Buyer and seller of an order differ, so no order comes twice. A null id finds nothing, a null
-- status is any. What only the greetings dialect shows is looked up only for it.
with page as (
    select id, created_at from (
        select id, created_at from orders where id = %(order_id)s::bigint and (%(studio)s or kind <> 'studio')
        union all
        (select id, created_at from orders
         where buyer_id = %(buyer_id)s::bigint and (%(studio)s or kind <> 'studio')
            and (%(status)s::text is null or shown_status(status, money) = %(status)s::text)
         order by created_at desc, id desc limit %(reach)s)
        union all
        (select id, created_at from orders
         where creator_id = (select id from creators where account_id = %(seller_id)s::bigint)
            and (%(status)s::text is null or shown_status(status, money) = %(status)s::text)
         order by created_at desc, id desc limit %(reach)s)
    ) found
    order by created_at desc, id desc limit %(limit)s offset %(offset)s
)
select orders.*, creators.account_id as creator_account_id, creators.profession,
    buyer.username as buyer_username, trim(buyer.first_name || ' ' || buyer.last_name) as buyer_full_name,
    case when buyer.avatar_id is not null then buyer.avatar_key end as buyer_avatar,
    star.username as creator_username, trim(star.first_name || ' ' || star.last_name) as creator_full_name,
    case when star.avatar_id is not null then star.avatar_key end as creator_avatar,
    category.name as category, video.id as video_id, video.key as video, payment.provider_id as payment
from page
join orders on orders.id = page.id
left join creators on creators.id = orders.creator_id
left join accounts star on star.id = creators.account_id
left join accounts buyer on buyer.id = orders.buyer_id
left join lateral (
    select categories.name
    from services join categories on categories.id = services.category_id
    where services.id = orders.service_id and %(greetings)s
) category on true
left join lateral (
    select files.id, files.key
    from deliveries
    join delivery_files on delivery_files.delivery_id = deliveries.id
    join files on files.id = delivery_files.file_id
    where deliveries.order_id = orders.id and %(greetings)s
    order by deliveries.number desc, files.kind = 'video' desc, files.id
    limit 1
) video on true
left join lateral (
    select payments.provider_id from payments where payments.order_id = orders.id and %(greetings)s
    order by payments.id desc limit 1
) payment on true
order by page.created_at desc, page.id desc;

-- name: count_entries
-- plan: generic
select (
    select count(*) from orders
    where buyer_id = %(buyer_id)s::bigint and (%(studio)s or kind <> 'studio')
        and (%(status)s::text is null or shown_status(status, money) = %(status)s::text)
) + (
    select count(*) from orders
    where creator_id = (select id from creators where account_id = %(seller_id)s::bigint)
        and (%(status)s::text is null or shown_status(status, money) = %(status)s::text)
);

-- name: deliveries
-- plan: generic
select deliveries.id, deliveries.order_id, deliveries.number, deliveries.message, deliveries.created_by,
    deliveries.created_at, handed_over.files
from deliveries
left join lateral (
    select json_agg(json_build_array(files.id, files.name, files.key, files.size, files.content_type) order by files.id)
        as files
    from delivery_files join files on files.id = delivery_files.file_id
    where delivery_files.delivery_id = deliveries.id
) handed_over on true
where deliveries.order_id = %(order_id)s
order by deliveries.number desc limit %(limit)s offset %(offset)s;

-- name: count_deliveries
-- plan: generic
select count(*) from deliveries where order_id = %(order_id)s;

-- name: timeline
-- plan: generic
select order_events.id, order_events.action, order_events.actor_role as role, order_events.actor_id,
    accounts.username as actor_username, trim(accounts.first_name || ' ' || accounts.last_name) as actor_full_name,
    case when accounts.avatar_id is not null then accounts.avatar_key end as actor_avatar,
    from_status, to_status, from_money, to_money, details, order_events.created_at
from order_events left join accounts on accounts.id = order_events.actor_id
where order_events.order_id = %(order_id)s order by order_events.id limit %(limit)s;

-- name: money_differences
-- The money of an order has the status of its latest payment.
select orders.id, orders.money as stored, coalesce(payment.status, 'none') as counted
from orders left join lateral (
    select status from payments where payments.order_id = orders.id order by payments.id desc limit 1
) payment on true
where orders.money <> coalesce(payment.status, 'none')
order by orders.id limit %(limit)s;

-- name: sum_differences
-- A total is the price and the chosen options; the refunded sum is that of the latest payment.
select orders.id, differing.what, differing.stored, differing.counted
from orders
left join lateral (
    select refunded from payments where payments.order_id = orders.id order by payments.id desc limit 1
) payment on true
cross join lateral (
    values
        ('total_price', total_price, price + coalesce((
            select sum((option ->> 'price')::bigint) from jsonb_array_elements(options) as option), 0)),
        ('refunded', orders.refunded, coalesce(payment.refunded, 0))
) as differing (what, stored, counted)
where differing.stored <> differing.counted
order by orders.id, differing.what limit %(limit)s;

-- name: completed_differences
-- Completed orders are counted where they are completed, in the same transaction.
select creators.id, creators.completed_orders as stored, count(orders.id) as counted
from creators left join orders on orders.creator_id = creators.id and orders.completed_at is not null
group by creators.id having creators.completed_orders <> count(orders.id)
order by creators.id limit %(limit)s;

-- name: count_open_orders
-- Of each status that is no end, by orders_status_idx, up to a limit.
select status, (
    select count(*) from (select from orders where orders.status = wanted.status limit 10001) counted
) as orders_open
from unnest(%(statuses)s::text[]) as wanted (status);

-- name: export_orders
-- The other party's words are theirs, among them what the buyer says of modifications, the option without an id.
select orders.id, kind, number, status, money, price, total_price, refunded, payment_method,
    case when buyer_id = %(account_id)s then options else without_modifications_text(options) end as options, occasion,
    service_id, services_titles.title as service,
    case when buyer_id = %(account_id)s then 'buyer' else 'creator' end as role,
    case when buyer_id = %(account_id)s then for_whom end as for_whom, case when buyer_id = %(account_id)s then wish end as wish,
    case when buyer_id = %(account_id)s then orders.title end as title,
    case when buyer_id = %(account_id)s then orders.description end as description,
    by_date, by_time, orders.created_at, accepted_at, paid_at, delivered_at, completed_at, cancelled_at
from orders
left join lateral (select services.title from services where services.id = orders.service_id) services_titles on true
where orders.id in (
    (select id from orders where buyer_id = %(account_id)s and id > %(after)s order by id limit %(limit)s)
    union all
    (select id from orders where creator_id = (select id from creators where account_id = %(account_id)s)
        and id > %(after)s order by id limit %(limit)s)
)
order by orders.id limit %(limit)s;

-- name: export_order_events
select id, order_id, actor_role, action, from_status, to_status, details, created_at from order_events
where actor_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: export_deliveries
select id, order_id, number, message, created_at,
    (select jsonb_agg(file_id order by file_id) from delivery_files where delivery_id = deliveries.id) as file_ids
from deliveries where created_by = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: erasure_obstacles
(select 'open_orders' as code, id from orders
 where buyer_id = %(account_id)s and status not in ('completed', 'rejected', 'cancelled') order by id limit 25)
union all
(select 'open_orders', id from orders
 where creator_id = (select id from creators where account_id = %(account_id)s)
    and status not in ('completed', 'rejected', 'cancelled') order by id limit 25)
union all
(select 'unfinished_payments', payments.id from payments join orders on orders.id = payments.order_id
 where (orders.buyer_id = %(account_id)s
        or orders.creator_id = (select id from creators where account_id = %(account_id)s))
    and (payments.status in ('pending', 'held') or payments.refunding > 0
        or (payments.goal = 'give_back' and payments.status = 'captured'
            and payments.refunded < coalesce(payments.refund_limit, payments.captured)))
 order by payments.id limit 50);

-- name: kept_delivery_files
-- The buyer has paid for them.
select file_id as id from delivery_files join deliveries on deliveries.id = delivery_files.delivery_id
join orders on orders.id = deliveries.order_id
join files on files.id = delivery_files.file_id
where files.owner_id = %(account_id)s;

-- name: erase_bought
-- The buyer has described the modifications, which are the option without an id; the creator the others.
update orders set for_whom = '', wish = '', title = '', description = '',
    options = without_modifications_text(options),
    cancellation_reason = redacted(cancellation_reason, %(names)s::text[], %(alias)s), updated_at = %(now)s
where buyer_id = %(account_id)s;

-- name: erase_own_reasons
update orders set cancellation_reason = ''
where cancellation_reason <> '' and id in (
    select order_id from order_events where actor_id = %(account_id)s and to_status in ('cancelled', 'rejected'));

-- name: erase_sold
-- The wish of an order by an offer may be the creator's text.
update orders set cancellation_reason = redacted(cancellation_reason, %(names)s::text[], %(alias)s),
    options = redacted_json(options, %(names)s::text[], %(alias)s),
    wish = case when offer_id is null then wish else redacted(wish, %(names)s::text[], %(alias)s) end
where creator_id = (select id from creators where account_id = %(account_id)s)
    and mentions(
        concat_ws(' ', cancellation_reason, options::text, case when offer_id is not null then wish end), %(names)s::text[]);

-- name: erase_order_events
-- Reasons of others stay, without the names.
update order_events set details = case
        when actor_id = %(account_id)s and details ? 'reason' then details || '{"reason": ""}'
        else redacted_json(details, %(names)s::text[], %(alias)s) end
where order_id in (
        select id from orders where buyer_id = %(account_id)s
        union all
        select id from orders where creator_id = (select id from creators where account_id = %(account_id)s)
        union all
        select order_id from order_events where actor_id = %(account_id)s)
    and ((actor_id = %(account_id)s and details ? 'reason') or mentions(details::text, %(names)s::text[]));

-- name: erase_deliveries
update deliveries set message = '' where created_by = %(account_id)s;

-- name: erase_pictures
delete from order_pictures where order_id in (select id from orders where buyer_id = %(account_id)s);
