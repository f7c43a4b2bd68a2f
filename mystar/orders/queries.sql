-- name: place_order
with placed as (
    insert into orders (
        kind, service_id, creator_id, buyer_id, price, total_price, for_whom, wish, occasion, by_date, by_time,
        created_at, updated_at)
    values (
        %(kind)s, %(service_id)s, %(creator_id)s, %(buyer_id)s, %(price)s, %(total_price)s, %(for_whom)s, %(wish)s,
        %(occasion)s, %(by_date)s, %(by_time)s, %(now)s, %(now)s)
    returning *
)
select placed.*, creators.account_id as creator_account_id
from placed left join creators on creators.id = placed.creator_id;

-- name: lock_order
-- Whoever wants to change an order or its payment queues here.
select orders.*, creators.account_id as creator_account_id
from orders left join creators on creators.id = orders.creator_id
where orders.id = %(id)s for update of orders;

-- name: find_order
select orders.*, creators.account_id as creator_account_id
from orders left join creators on creators.id = orders.creator_id
where orders.id = %(id)s;

-- name: move_order
-- A moment is written when its status begins; a second acceptance does not make the first one younger.
update orders set
    status = %(status)s,
    money = %(money)s,
    money_goal = %(goal)s,
    cancellation_reason = coalesce(%(reason)s, cancellation_reason),
    accepted_at = case when %(status)s = 'accepted' then coalesce(accepted_at, %(now)s) else accepted_at end,
    paid_at = case when %(money)s in ('held', 'captured') then coalesce(paid_at, %(now)s) else paid_at end,
    delivered_at = case when %(status)s = 'delivered' and status <> 'delivered' then %(now)s else delivered_at end,
    completed_at = case when %(status)s = 'completed' then coalesce(completed_at, %(now)s) else completed_at end,
    cancelled_at = case
        when %(status)s in ('cancelled', 'rejected') then coalesce(cancelled_at, %(now)s) else cancelled_at end,
    updated_at = %(now)s
where id = %(id)s
returning *, %(creator_account_id)s::bigint as creator_account_id;

-- name: add_event
insert into order_events (
    order_id, actor_id, actor_role, action, from_status, to_status, from_money, to_money, details, created_at)
values (
    %(order_id)s, %(actor_id)s, %(role)s, %(action)s, %(from_status)s, %(to_status)s, %(from_money)s, %(to_money)s,
    %(details)s, %(now)s);

-- name: history
select actor_id, actor_role, action, from_status, to_status, from_money, to_money, details, created_at
from order_events where order_id = %(order_id)s order by id limit 1000;

-- name: add_delivery
-- The order is locked by then, so the numbers have no gaps and no twins.
insert into deliveries (order_id, number, message, created_by, created_at)
values (
    %(order_id)s, (select coalesce(max(number), 0) + 1 from deliveries where order_id = %(order_id)s),
    %(message)s, %(created_by)s, %(now)s)
returning id, order_id, number, message, created_at;

-- name: add_delivery_files
insert into delivery_files (delivery_id, file_id) select %(delivery_id)s, unnest(%(file_ids)s::bigint[]);

-- name: delivered_files
select delivery_files.file_id
from deliveries join delivery_files on delivery_files.delivery_id = deliveries.id
where deliveries.order_id = %(order_id)s
order by deliveries.number, delivery_files.file_id;

-- name: order_cards
-- One order, or what somebody bought, or what somebody's creator sold, newest first: a page is cut from an index before
-- anything is joined to it. A null parameter finds nothing, so each caller names the one that he means.
with page as (
    select * from orders where id = %(order_id)s
    union all
    (select * from orders where buyer_id = %(buyer_id)s
     order by created_at desc, id desc limit %(limit)s offset %(offset)s)
    union all
    (select * from orders where creator_id = (select id from creators where account_id = %(seller_id)s)
     order by created_at desc, id desc limit %(limit)s offset %(offset)s)
)
select page.*, creators.account_id as creator_account_id, creators.profession,
    star.username as star_username, case when star.avatar_id is not null then star.avatar_key end as star_avatar,
    buyer.username as buyer_username, case when buyer.avatar_id is not null then buyer.avatar_key end as buyer_avatar,
    categories.name as category, video.id as video_id, video.key as video, payment.provider_id as payment
from page
left join creators on creators.id = page.creator_id
left join accounts star on star.id = creators.account_id
left join accounts buyer on buyer.id = page.buyer_id
left join services on services.id = page.service_id
left join categories on categories.id = services.category_id
left join lateral (
    select files.id, files.key
    from deliveries
    join delivery_files on delivery_files.delivery_id = deliveries.id
    join files on files.id = delivery_files.file_id
    where deliveries.order_id = page.id
    order by deliveries.number desc, files.kind = 'video' desc, files.id
    limit 1
) video on true
left join lateral (
    select payments.provider_id from payments where payments.order_id = page.id order by payments.id desc limit 1
) payment on true
order by page.created_at desc, page.id desc;

-- name: count_bought
select count(*) from orders where buyer_id = %(account_id)s;

-- name: count_sold
select count(*) from orders where creator_id = (select id from creators where account_id = %(account_id)s);

-- name: money_differences
-- The money of an order is where its latest payment is.
select orders.id, orders.money as stored, coalesce(payment.status, 'none') as counted
from orders left join lateral (
    select status from payments where payments.order_id = orders.id order by payments.id desc limit 1
) payment on true
where orders.money <> coalesce(payment.status, 'none')
order by orders.id limit %(limit)s;

-- name: completed_differences
-- Completed orders are counted where they are completed, in the same transaction.
select creators.id, creators.completed_orders as stored, count(orders.id) as counted
from creators left join orders on orders.creator_id = creators.id and orders.completed_at is not null
group by creators.id having creators.completed_orders <> count(orders.id)
order by creators.id limit %(limit)s;
