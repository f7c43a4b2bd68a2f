-- What the panel shows. Every "_rows" query shows rows of a register by their ids, with names from other tables joined to
-- them; which ids those are is decided by its filters. Nothing is written here.

-- name: accounts_rows
select id, username, email, phone, role, created_at, case when is_active then 'active' else 'blocked' end as state
from accounts where id = any(%(ids)s::bigint[]);

-- name: creators_rows
select creators.id, accounts.username, creators.profession, creators.rating, creators.likes_count,
    creators.completed_orders, creators.is_top, creators.created_at
from creators join accounts on accounts.id = creators.account_id
where creators.id = any(%(ids)s::bigint[]);

-- name: files_rows
select files.id, files.name, files.kind, files.content_type, files.size, files.owner_id, accounts.username as owner,
    files.is_public, files.uploaded_at
from files left join accounts on accounts.id = files.owner_id
where files.id = any(%(ids)s::bigint[]);

-- name: services_rows
select services.id, services.title, services.kind, services.creator_id, accounts.username as creator,
    categories.name as category, services.base_price, services.delivery_days, services.created_at,
    case
        when services.deleted_at is not null then 'deleted'
        when services.is_withheld then 'withheld'
        when services.is_listed then 'listed'
        else 'hidden'
    end as state
from services
join creators on creators.id = services.creator_id
join accounts on accounts.id = creators.account_id
left join categories on categories.id = services.category_id
where services.id = any(%(ids)s::bigint[]);

-- name: categories_rows
select id, name, position, created_at from categories where id = any(%(ids)s::bigint[]);

-- name: tags_rows
select id, name from tags where id = any(%(ids)s::bigint[]);

-- name: skills_rows
select id, name, description, created_at from skills where id = any(%(ids)s::bigint[]);

-- name: orders_rows
select orders.id, orders.kind, orders.status, orders.money, orders.buyer_id, buyers.username as buyer,
    orders.creator_id, stars.username as creator, orders.total_price, orders.created_at
from orders
left join accounts buyers on buyers.id = orders.buyer_id
left join creators on creators.id = orders.creator_id
left join accounts stars on stars.id = creators.account_id
where orders.id = any(%(ids)s::bigint[]);

-- name: disputes_rows
select orders.id, orders.kind, orders.status, orders.money, orders.buyer_id, buyers.username as buyer,
    orders.creator_id, stars.username as creator, orders.total_price, orders.created_at
from orders
left join accounts buyers on buyers.id = orders.buyer_id
left join creators on creators.id = orders.creator_id
left join accounts stars on stars.id = creators.account_id
where orders.id = any(%(ids)s::bigint[]);

-- name: studio_orders_rows
select orders.id, orders.number, orders.title, orders.buyer_id, accounts.username as buyer, orders.created_at,
    case when orders.status = 'new' and orders.process_at is not null then 'queued' else orders.status end as state
from orders left join accounts on accounts.id = orders.buyer_id
where orders.id = any(%(ids)s::bigint[]) and orders.kind = 'studio';

-- name: payments_rows
select payments.id, payments.status, payments.goal, payments.order_id, payments.payer_id, accounts.username as payer,
    payments.amount, payments.captured, payments.refunded, payments.created_at
from payments left join accounts on accounts.id = payments.payer_id
where payments.id = any(%(ids)s::bigint[]);

-- name: ledger_rows
select ledger_entries.id, ledger_entries.created_at, ledger_entries.reason, ledger_entries.account,
    ledger_entries.amount, ledger_entries.payment_id, payments.order_id, left(ledger_entries.move_id::text, 8) as move
from ledger_entries join payments on payments.id = ledger_entries.payment_id
where ledger_entries.id = any(%(ids)s::bigint[]);

-- name: discrepancies_rows
select id, seen_at, kind, payment_id, provider_id, details::text as details
from payment_discrepancies where id = any(%(ids)s::bigint[]);

-- name: mails_rows
select id, payload ->> 'to' as recipient, payload ->> 'subject' as subject, attempts, last_error, created_at,
    case when failed_at is not null then 'failed' when done_at is not null then 'sent' else 'waiting' end as state
from outbox where id = any(%(ids)s::bigint[]);

-- name: outbox_rows
select id, topic, coalesce(name, topic || ' ' || id) as name, attempts, last_error, created_at,
    case when failed_at is not null then 'failed' when done_at is not null then 'sent' else 'waiting' end as state
from outbox where id = any(%(ids)s::bigint[]);
