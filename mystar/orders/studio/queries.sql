-- name: place_studio_order
-- Returns nothing when the number is taken; the caller tries another.
insert into orders (kind, number, buyer_id, status, price, total_price, title, description, created_at, updated_at)
values ('studio', %(number)s, %(owner_id)s, 'new', 0, 0, %(title)s, %(description)s, %(now)s, %(now)s)
on conflict on constraint orders_number_key do nothing
returning id;

-- name: lock_studio_numbers
-- "stud" in ASCII.
select pg_advisory_xact_lock(x'73747564'::integer);

-- name: count_studio_numbers
select count(*) from orders where kind = 'studio' and number between %(first)s and %(last)s;

-- name: free_studio_number
-- The first number itself when it is unused, else the first gap after a used one.
select free from (
    select %(first)s::integer as free
    union all
    (select number::integer + 1 from orders
     where kind = 'studio' and number between to_char(%(first)s::integer, 'fm000000') and to_char(%(last)s::integer, 'fm000000')
        and not exists (
            select from orders next where next.number = to_char(orders.number::integer + 1, 'fm000000'))
     order by number limit 1)
) candidates
where free <= %(last)s::integer
    and not exists (select from orders where number = to_char(free, 'fm000000'))
order by free limit 1;

-- name: lock_studio_order
select id from orders where id = %(id)s and kind = 'studio' and status <> 'cancelled' for no key update;

-- name: studio_order
select orders.id, number, buyer_id as owner_id, accounts.username as owner_name, title, description, orders.status,
    process_at, orders.created_at, orders.updated_at, pictures
from orders
left join accounts on accounts.id = orders.buyer_id
left join lateral (
    select json_agg(json_build_array(files.id, files.key, files.is_public) order by files.id) as pictures
    from order_pictures join files on files.id = order_pictures.file_id
    where order_pictures.order_id = orders.id
) shown on true
where orders.id = %(id)s and kind = 'studio' and orders.status <> 'cancelled';

-- name: studio_orders
-- Orders of guests and of the account, each cut from its index before anything is joined. A null account has none.
with page as (
    select id, created_at from (
        (select id, created_at from orders
         where kind = 'studio' and status <> 'cancelled' and buyer_id is null
            and (%(pattern)s::text is null or number like %(pattern)s)
            and (created_at, id) < (%(before)s::timestamptz, %(before_id)s::bigint)
         order by created_at desc, id desc limit %(reach)s)
        union all
        (select id, created_at from orders
         where kind = 'studio' and status <> 'cancelled' and buyer_id is not null and buyer_id = %(account_id)s::bigint
            and (%(pattern)s::text is null or number like %(pattern)s)
            and (created_at, id) < (%(before)s::timestamptz, %(before_id)s::bigint)
         order by created_at desc, id desc limit %(reach)s)
    ) found
    order by created_at desc, id desc limit %(limit)s offset %(offset)s
)
select orders.id, number, buyer_id as owner_id, accounts.username as owner_name, title, description, orders.status,
    process_at, orders.created_at, orders.updated_at, pictures
from page
join orders on orders.id = page.id
left join accounts on accounts.id = orders.buyer_id
left join lateral (
    select json_agg(json_build_array(files.id, files.key, files.is_public) order by files.id) as pictures
    from order_pictures join files on files.id = order_pictures.file_id
    where order_pictures.order_id = orders.id
) shown on true
order by page.created_at desc, page.id desc;

-- name: studio_order_placed_at
select created_at from orders where id = %(id)s and kind = 'studio';

-- name: count_studio_orders
select (
    select count(*) from orders
    where kind = 'studio' and status <> 'cancelled' and buyer_id is null
        and (%(pattern)s::text is null or number like %(pattern)s)
) + (
    select count(*) from orders
    where kind = 'studio' and status <> 'cancelled' and buyer_id is not null and buyer_id = %(account_id)s::bigint
        and (%(pattern)s::text is null or number like %(pattern)s)
);

-- name: change_studio_order
update orders set title = %(title)s, description = %(description)s, updated_at = %(now)s where id = %(id)s;

-- name: queue_studio_order
update orders set process_at = %(process_at)s, updated_at = %(now)s where id = %(id)s;

-- name: move_studio_order
update orders set
    status = %(status)s,
    accepted_at = case when %(status)s = 'in_process' then %(now)s::timestamptz else accepted_at end,
    cancelled_at = case when %(status)s = 'cancelled' then %(now)s::timestamptz else cancelled_at end,
    updated_at = %(now)s
where id = %(id)s;

-- name: add_order_pictures
insert into order_pictures (order_id, file_id) select %(order_id)s, unnest(%(file_ids)s::bigint[]);

-- name: drop_order_pictures
delete from order_pictures where order_id = %(order_id)s;
