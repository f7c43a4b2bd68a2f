-- name: add_to_order
insert into staff_notes (order_id, people, author_id, text, created_at)
select orders.id, array_remove(array[orders.buyer_id, creators.account_id], null), %(author_id)s, %(text)s, %(now)s
from orders left join creators on creators.id = orders.creator_id where orders.id = %(id)s
returning id;

-- name: add_to_account
insert into staff_notes (account_id, people, author_id, text, created_at)
select id, array[id], %(author_id)s, %(text)s, %(now)s from accounts where id = %(id)s
returning id;

-- name: add_to_service
insert into staff_notes (service_id, people, author_id, text, created_at)
select services.id, array[creators.account_id], %(author_id)s, %(text)s, %(now)s
from services join creators on creators.id = services.creator_id where services.id = %(id)s
returning id;

-- name: notes_of_order
select notes.id, notes.order_id, notes.account_id, notes.service_id, notes.author_id, accounts.username as author,
    notes.text, notes.created_at
from staff_notes notes join accounts on accounts.id = notes.author_id
where notes.order_id = %(id)s order by notes.id desc limit 100;

-- name: notes_of_service
select notes.id, notes.order_id, notes.account_id, notes.service_id, notes.author_id, accounts.username as author,
    notes.text, notes.created_at
from staff_notes notes join accounts on accounts.id = notes.author_id
where notes.service_id = %(id)s order by notes.id desc limit 100;

-- name: notes_of_account
-- Also those of the person's orders and services.
select notes.id, notes.order_id, notes.account_id, notes.service_id, notes.author_id, accounts.username as author,
    notes.text, notes.created_at
from staff_notes notes join accounts on accounts.id = notes.author_id
where notes.people @> array[%(id)s::bigint] order by notes.id desc limit 100;

-- name: erase_notes
-- What was written about the person goes; in other notes only the names are replaced.
update staff_notes set text = case when account_id = %(account_id)s then ''
    else redacted(text, %(names)s::text[], %(alias)s) end
where people @> array[%(account_id)s::bigint]
    and ((account_id = %(account_id)s and text <> '') or mentions(text, %(names)s::text[]));
