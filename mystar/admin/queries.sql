-- Reads of the panel. A "_rows" query returns the rows of a list by their ids, with names joined from other tables; the
-- filters of the list find the ids. Nothing is written here.

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
    categories.name as category, services.base_price, services.created_at,
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
select orders.id, orders.kind, orders.status, nullif(orders.money, 'none') as money, orders.buyer_id,
    buyers.username as buyer, orders.creator_id, stars.username as creator, orders.created_at,
    case when orders.kind <> 'studio' then orders.total_price end as total_price
from orders
left join accounts buyers on buyers.id = orders.buyer_id
left join creators on creators.id = orders.creator_id
left join accounts stars on stars.id = creators.account_id
where orders.id = any(%(ids)s::bigint[]);

-- name: disputes_rows
select orders.id, orders.kind, orders.status, nullif(orders.money, 'none') as money, orders.buyer_id,
    buyers.username as buyer, orders.creator_id, stars.username as creator, orders.created_at,
    case when orders.kind <> 'studio' then orders.total_price end as total_price
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

-- name: reviews_rows
select reviews.id, reviews.rating, left(reviews.words, 200) as words, reviews.author_id, authors.username as author,
    reviews.creator_id, stars.username as creator, reviews.created_at,
    case when reviews.hidden_at is not null then 'withheld' else 'listed' end as state
from reviews
join accounts authors on authors.id = reviews.author_id
join creators on creators.id = reviews.creator_id
join accounts stars on stars.id = creators.account_id
where reviews.id = any(%(ids)s::bigint[]);

-- name: reports_rows
-- Text and reason of the latest report.
select report_cases.id, report_cases.kind, report_cases.account_id, accounts.username as person, report_cases.reports,
    report_cases.opened_at, report_cases.decision, report_cases.decided_by, deciders.username as decider,
    left(coalesce(nullif(latest.seen ->> 'text', ''), latest.seen ->> 'title', latest.seen ->> 'author', ''), 200) as shown,
    latest.reason as reasons
from report_cases
join accounts on accounts.id = report_cases.account_id
left join accounts deciders on deciders.id = report_cases.decided_by
left join lateral (
    select seen, reason from reports where case_id = report_cases.id order by id desc limit 1) latest on true
where report_cases.id = any(%(ids)s::bigint[]);

-- name: report_page
select report_cases.*, accounts.username as person, accounts.is_active, accounts.role as person_role,
    deciders.username as decider
from report_cases
join accounts on accounts.id = report_cases.account_id
left join accounts deciders on deciders.id = report_cases.decided_by
where report_cases.id = %(id)s;

-- name: reports_of_case
select reports.*, accounts.username as reporter
from reports join accounts on accounts.id = reports.reporter_id
where case_id = %(id)s order by reports.id limit 200;

-- name: earlier_cases
-- Of the same person: what was decided before.
select id, kind, decision, note, decided_at from report_cases
where account_id = %(account_id)s and id <> %(id)s order by opened_at desc, id desc limit 20;

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

-- name: payouts_rows
select payouts.id, payouts.status, payouts.creator_id, accounts.username as creator, payouts.amount,
    payout_details.mask, payouts.provider, payouts.created_at
from payouts
join accounts on accounts.id = payouts.creator_id
join payout_details on payout_details.id = payouts.details_id
where payouts.id = any(%(ids)s::bigint[]);

-- name: payout_page
-- Members of the staff are noted as "account:<id>", the operator of the command line by the name of their log-in.
select payouts.*, accounts.username as creator, payout_details.mask, payout_details.kind, payout_details.confirmed_at,
    (select username from accounts where 'account:' || id = approved_as) as approved_name,
    (select username from accounts where 'account:' || id = second_as) as second_name
from payouts
join accounts on accounts.id = payouts.creator_id
join payout_details on payout_details.id = payouts.details_id
where payouts.id = %(id)s;

-- name: payout_parts_of
select * from payout_parts where payout_id = %(id)s order by number;

-- name: payout_entries
select kind, account, amount, note, created_at from earning_entries where payout_id = %(id)s order by id limit 200;

-- name: payout_details_shared
-- Other creators whose current details are those of the payout.
select others.creator_id, accounts.username as creator
from payouts
join payout_details own on own.id = payouts.details_id
join payout_details others on others.fingerprint = own.fingerprint and others.replaced_at is null
    and others.creator_id <> own.creator_id
join accounts on accounts.id = others.creator_id
where payouts.id = %(id)s
limit 20;

-- name: balances_rows
select balance.id, balance.creator_id, accounts.username as creator, available, pending, frozen, reserved, paid,
    coalesce(stop_reason, '') as stop_reason
from creator_balances balance join accounts on accounts.id = balance.creator_id
where balance.id = any(%(ids)s::bigint[]);

-- name: balance_page
select balance.*, accounts.username as creator, details.mask, details.kind, details.usable_at,
    (select coalesce(max(id), 0) from earning_entries where creator_id = balance.creator_id) as last_entry
from creator_balances balance
join accounts on accounts.id = balance.creator_id
left join payout_details details on details.creator_id = balance.creator_id and details.replaced_at is null
where balance.id = %(id)s;

-- name: creator_entries
select kind, account, amount, note, created_at from earning_entries
where creator_id = %(id)s order by id desc limit 30;

-- name: account_ids_of_payouts
select id from payouts where creator_id = %(id)s order by id desc limit 10;

-- name: earning_entries_rows
select entry.id, entry.created_at, entry.kind, entry.account, entry.amount, entry.creator_id,
    accounts.username as creator, entry.order_id, entry.payout_id, entry.note
from earning_entries entry left join accounts on accounts.id = entry.creator_id
where entry.id = any(%(ids)s::bigint[]);

-- name: creators_by_id
select id, username from accounts where id = any(%(ids)s::bigint[]);

-- name: creators_by_name
-- Accounts with a creator profile, by the key of their user name or by number.
select accounts.id, accounts.username_key from accounts join creators on creators.account_id = accounts.id
where accounts.username_key = any(%(names)s::text[]) or accounts.id = any(%(ids)s::bigint[]);

-- name: category_names
select id, name from categories order by position, id limit 500;

-- name: service_to_try
select id, title, kind, base_price from services where id = %(id)s;

-- name: statements_rows
select statements.id, 'PDF' as pdf, 'CSV' as csv, number, statements.creator_id, accounts.username as creator,
    month, opening, closing, line_count, statements.created_at
from statements join accounts on accounts.id = statements.creator_id
where statements.id = any(%(ids)s::bigint[]);

-- name: chargebacks_rows
select id, order_id, amount, fee, bearer, note, created_at from chargebacks where id = any(%(ids)s::bigint[]);

-- name: receipts_rows
select id, status, kind, amount, order_id, payment_id, coalesce(reason, '') as reason, created_at
from receipts where id = any(%(ids)s::bigint[]);

-- name: receipt_page
select * from receipts where id = %(id)s;

-- name: discrepancies_rows
select id, seen_at, kind, payment_id, provider_id, details
from payment_discrepancies where id = any(%(ids)s::bigint[]);

-- name: audit_rows
select audit_entries.id, audit_entries.at, audit_entries.act, audit_entries.actor_id, accounts.username as actor,
    audit_entries.subject, audit_entries.address, audit_entries.details
from audit_entries left join accounts on accounts.id = audit_entries.actor_id
where audit_entries.id = any(%(ids)s::bigint[]);

-- name: mails_rows
select id, payload ->> 'to' as recipient, payload ->> 'subject' as subject, attempts, last_error, created_at,
    case when failed_at is not null then 'failed' when done_at is not null then 'sent' else 'waiting' end as state
from outbox where id = any(%(ids)s::bigint[]);

-- name: notes_rows
select notes.id, notes.text, notes.author_id, accounts.username as author, notes.created_at,
    case when notes.order_id is not null then 'order:' || notes.order_id
        when notes.service_id is not null then 'service:' || notes.service_id
        else 'account:' || notes.account_id end as subject, '' as act, '{}'::jsonb as details
from staff_notes notes join accounts on accounts.id = notes.author_id
where notes.id = any(%(ids)s::bigint[]);

-- name: outbox_rows
select id, topic, coalesce(name, id::text) as name, attempts, last_error, created_at,
    case when failed_at is not null then 'failed' when done_at is not null then 'sent' else 'waiting' end as state
from outbox where id = any(%(ids)s::bigint[]);

-- name: commission_rules_rows
select id, list || '.' || position as place, name, trim(trailing '.' from trim(trailing '0' from
        (percent_bp / 100.0)::numeric(6, 2)::text)) || ' %%' as percent, nullif(fixed, 0) as fixed,
    nullif(min_amount, 0) as min_amount, max_amount, kinds, price_from, price_to, valid_from,
    array(select username from accounts where id = any(creator_ids) order by id limit 20) as creators,
    cardinality(creator_ids) as creator_count,
    array(select categories.name from categories where id = any(category_ids) order by position, id limit 20) as categories,
    cardinality(category_ids) as category_count
from commission_rules where id = any(%(ids)s::bigint[]);

-- Detail pages.

-- name: account_page
select accounts.id, accounts.username, accounts.email, accounts.phone, accounts.first_name, accounts.last_name,
    accounts.bio, accounts.birth_date, accounts.language, accounts.role, accounts.is_active,
    accounts.email_verified_at, accounts.created_at, accounts.updated_at, accounts.has_second_factor, creators.id as creator_id,
    accounts.phone_verified_at, accounts.erased_at,
    case when accounts.avatar_id is not null then accounts.avatar_key end as avatar_key
from accounts left join creators on creators.account_id = accounts.id
where accounts.id = %(id)s;

-- name: account_ids_of_orders
-- The latest purchases.
select id from orders where buyer_id = %(id)s order by created_at desc, id desc limit 10;

-- name: creator_page
select creators.*, accounts.username, accounts.is_active,
    case when accounts.avatar_id is not null then accounts.avatar_key end as avatar_key
from creators join accounts on accounts.id = creators.account_id
where creators.id = %(id)s;

-- name: creator_ids_of_services
select id from services where creator_id = %(id)s order by created_at desc, id desc limit 25;

-- name: creator_ids_of_orders
select id from orders where creator_id = %(id)s order by created_at desc, id desc limit 10;

-- name: service_page
select services.*, accounts.username as creator, accounts.id as account_id, categories.name as category,
    case
        when services.deleted_at is not null then 'deleted'
        when services.is_withheld then 'withheld'
        when services.is_listed then 'listed'
        else 'hidden'
    end as state,
    (
        select string_agg(tags.name, ', ' order by tags.name)
        from service_tags join tags on tags.id = service_tags.tag_id where service_tags.service_id = services.id
    ) as tags
from services
join creators on creators.id = services.creator_id
join accounts on accounts.id = creators.account_id
left join categories on categories.id = services.category_id
where services.id = %(id)s;

-- name: service_options
select name, description, price, retired_at from service_options where service_id = %(id)s order by position, id
limit 200;

-- name: category_page
select categories.id, categories.name, categories.position, categories.created_at, files.key as photo
from categories left join files on files.id = categories.photo_id
where categories.id = %(id)s;

-- name: tag_page
select id, name from tags where id = %(id)s;

-- name: skill_page
select id, name, description, created_at from skills where id = %(id)s;

-- name: review_page
select reviews.*, authors.username as author, stars.username as creator, services.title as service
from reviews
join accounts authors on authors.id = reviews.author_id
join creators on creators.id = reviews.creator_id
join accounts stars on stars.id = creators.account_id
join services on services.id = reviews.service_id
where reviews.id = %(id)s;

-- name: order_page
-- With the names of buyer, creator and service.
select orders.*, creators.account_id as creator_account_id, stars.username as creator, buyers.username as buyer,
    services.title as service, offers.title as offer_title, offers.text as offer_text,
    offers.delivery_days as offer_days, offers.created_at as offer_sent_at,
    case when orders.status = 'new' and orders.process_at is not null then 'queued' else orders.status end as state
from orders
left join creators on creators.id = orders.creator_id
left join accounts stars on stars.id = creators.account_id
left join accounts buyers on buyers.id = orders.buyer_id
left join services on services.id = orders.service_id
left join offers on offers.id = orders.offer_id
where orders.id = %(id)s;

-- name: order_history
select events.action, events.actor_role, events.actor_id, accounts.username as actor, events.from_status,
    events.to_status, events.from_money, events.to_money, events.details, events.created_at
from order_events events left join accounts on accounts.id = events.actor_id
where events.order_id = %(id)s order by events.id limit 500;

-- name: order_payments
select * from payments where order_id = %(id)s order by id desc limit 20;

-- name: order_ledger
select ledger_entries.* from payments join ledger_entries on ledger_entries.payment_id = payments.id
where payments.order_id = %(id)s order by ledger_entries.id limit 200;

-- name: order_files
select files.id, files.name, files.kind, files.size, files.key, deliveries.number
from deliveries
join delivery_files on delivery_files.delivery_id = deliveries.id
join files on files.id = delivery_files.file_id
where deliveries.order_id = %(id)s
union all
select files.id, files.name, files.kind, files.size, files.key, null
from order_pictures join files on files.id = order_pictures.file_id
where order_pictures.order_id = %(id)s
order by 6 nulls first, 1 limit 200;

-- name: order_deliveries
select number, message, created_at from deliveries where order_id = %(id)s order by number limit 100;

-- name: order_payouts
-- Of a safe deal, whose share leaves by a payout of its own.
select id, status, amount from payouts where order_id = %(id)s order by id desc limit 10;

-- The search for everything. Each takes ``text, id, number, part, parts, limit`` and ``people``, ids of accounts.

-- name: search_people
-- Names of two letters are found by how they begin. The union keeps each condition on its index.
(select id from accounts where id = %(id)s)
union
(select id from accounts where person_words(username, first_name, last_name, email, phone) like %(part)s
    and person_words(username, first_name, last_name, email, phone) like all(%(parts)s::text[])
 order by id desc limit %(limit)s)
union
(select id from accounts where %(part)s::text is null and %(id)s::bigint is null
    and username_key like replace(lower(%(text)s), '%%', '') || '%%' order by username_key limit %(limit)s)
order by id desc limit %(limit)s;

-- name: search_orders
(select id from orders where id = %(id)s)
union
(select id from orders where number = %(number)s and kind = 'studio')
union
(select order_id from payments where provider_id = %(text)s)
union
(select found.id from unnest(%(people)s::bigint[]) as person
 cross join lateral (
    select id from orders where buyer_id = person order by created_at desc, id desc limit %(limit)s) as found)
union
(select found.id from creators
 cross join lateral (
    select id from orders where creator_id = creators.id order by created_at desc, id desc limit %(limit)s) as found
 where creators.account_id = any(%(people)s::bigint[]))
order by id desc limit %(limit)s;

-- name: search_services
(select id from services where id = %(id)s)
union
(select id from services where title_words(title) like %(part)s and title_words(title) like all(%(parts)s::text[])
    and deleted_at is null
 order by id desc limit %(limit)s)
order by id desc limit %(limit)s;

-- name: search_payments
select id from payments where id = %(id)s union select id from payments where provider_id = %(text)s
order by id desc limit %(limit)s;

-- name: search_payouts
(select id from payouts where id = %(id)s)
union
(select payout_id from payout_parts where provider_id = %(text)s)
union
(select found.id from unnest(%(people)s::bigint[]) as person
 cross join lateral (select id from payouts where creator_id = person order by id desc limit %(limit)s) as found)
order by id desc limit %(limit)s;

-- name: studio_progress
select id, case when status = 'new' and process_at is not null then 'queued' else status end as state
from orders where id = any(%(ids)s::bigint[]) and kind = 'studio';

-- name: payment_page
select payments.*, accounts.username as payer, orders.status as order_status
from payments
left join accounts on accounts.id = payments.payer_id
left join orders on orders.id = payments.order_id
where payments.id = %(id)s;

-- name: payment_ledger
select id, move_id, account, amount, reason, created_at from ledger_entries where payment_id = %(id)s order by id
limit 200;

-- name: file_page
select files.*, accounts.username as owner,
    (select count(*) from file_readers where file_readers.file_id = files.id) as readers
from files left join accounts on accounts.id = files.owner_id
where files.id = %(id)s;

-- name: outbox_page
select *, case when failed_at is not null then 'failed' when done_at is not null then 'sent' else 'waiting' end as state
from outbox where id = %(id)s;

-- name: staff_zone
select time_zone from accounts where id = %(id)s;

-- name: staff_list
select id, username, email, role, is_active from accounts where role is not null
order by role desc, created_at limit 500;

-- The overview. Days are in the reader's zone, whose offset from UTC is given; empty steps are included.

-- name: overview_steps
select steps.day::date as day, coalesce(placed.count, 0) as orders, coalesce(earned.amount, 0)::bigint as income
from generate_series(
    date_trunc(%(step)s::text, %(first)s::date::timestamp), %(last)s::date, ('1 ' || %(step)s::text)::interval
) as steps (day)
left join (
    select date_trunc(%(step)s::text, created_at at time zone 'UTC' + %(offset)s::interval) as day, count(*) from orders
    where created_at >= %(start)s::timestamptz and created_at < %(end)s::timestamptz group by 1
) placed on placed.day = steps.day
left join (
    select date_trunc(%(step)s::text, created_at at time zone 'UTC' + %(offset)s::interval) as day, sum(amount) as amount
    from ledger_entries
    where created_at >= %(start)s::timestamptz and created_at < %(end)s::timestamptz and account = 'creator' group by 1
) earned on earned.day = steps.day
order by steps.day;

-- name: overview_figures
-- Kopecks; each by an index of its column and the time.
select
    (select count(*) from orders where created_at >= %(first)s::timestamptz and created_at < %(end)s::timestamptz)
        as orders,
    (select count(*) from accounts where created_at >= %(first)s::timestamptz and created_at < %(end)s::timestamptz)
        as people,
    (select coalesce(sum(amount), 0)::bigint from ledger_entries
        where reason = 'capture' and amount > 0 and created_at >= %(first)s::timestamptz
        and created_at < %(end)s::timestamptz) as captured,
    (select coalesce(sum(amount), 0)::bigint from ledger_entries
        where reason = 'refund' and amount > 0 and created_at >= %(first)s::timestamptz
        and created_at < %(end)s::timestamptz) as refunded,
    (select coalesce(sum(amount), 0)::bigint from earning_entries
        where account in ('platform', 'commission_tax') and created_at >= %(first)s::timestamptz
        and created_at < %(end)s::timestamptz) as commission;

-- name: overview_counts
-- Each by an index; large numbers are counted up to a limit.
select
    (select count(*) from (select from orders where status = 'disputed' limit 1001) counted) as disputes,
    (select count(*) from (select from orders where status = 'new' and kind = 'studio' limit 1001) counted) as studio,
    (select count(*) from (select from outbox where failed_at is not null limit 1001) counted) as failed_messages,
    (select count(*) from (select from payouts where status = 'requested' limit 1001) counted) as payouts_to_approve,
    (select count(*) from (select from payouts where status = 'unknown' limit 1001) counted) as unknown_payouts,
    (
        select count(*) from (
            select from payouts where status = 'failed' and created_at >= %(week)s limit 1001
        ) counted
    ) as failed_payouts,
    (
        select count(*) from (
            select from payouts where status = 'returned' and created_at >= %(week)s limit 1001
        ) counted
    ) as returned_payouts,
    (select count(*) from (select from report_cases where is_open limit 1001) counted) as reports,
    (select count(*) from (select from receipts where status = 'refused' limit 1001) counted) as refused_receipts,
    (select stopped_for from payout_queue) as payouts_stopped_for,
    (select count(*) from (select from payment_discrepancies where seen_at >= %(week)s limit 1001) counted) as discrepancies,
    (
        select count(*) from (
            select from payments where status = 'held' and expires_at < %(soon)s limit 1001
        ) counted
    ) as ending_holds,
    (select coalesce(sum(amount), 0)::bigint from (
        select amount from payments where status = 'held' order by created_at desc limit 10000
    ) counted) as held;

-- name: chargeback_count
select count(*) from chargebacks where order_id = %(id)s;
