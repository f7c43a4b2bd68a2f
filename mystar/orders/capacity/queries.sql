-- name: count_open
-- By orders_creator_status_idx; an order that is delivered may come back, and is not counted until then.
select count(*) from orders
where creator_id = %(creator_id)s
    and shown_status(status, money) in ('pending', 'paid', 'accepted', 'in_progress')
    and status in ('pending', 'accepted', 'in_progress');
