-- name: recipient
select id, username, email, language, channel, time_zone, email_verified_at is not null as is_confirmed,
    recent_notifications(id, %(kind)s::text, %(now)s::timestamptz - interval '1 hour') as recent
from accounts where id = %(id)s and is_active;

-- name: order_readers
-- plan: generic
select id, username, trim(first_name || ' ' || last_name) as full_name, case when is_active then email end as email,
    language, time_zone, email_verified_at is not null as is_confirmed,
    coalesce(
        (select title from offers where offers.id = %(offer_id)s::bigint),
        (select title from services where services.id = %(service_id)s::bigint), '') as title,
    recent_notifications(id, %(kind)s::text, %(now)s::timestamptz - interval '1 hour') as recent
from accounts where id = any(%(ids)s::bigint[]);

-- name: add
-- plan: generic
-- The lock of the inbox comes before the id: on conflict, "set" is computed once the row is locked. What was mailed at
-- once is not in a digest, unless the hour had so many of its kind that no mail was sent.
with box as (
    insert into notification_boxes (account_id, last_id) values (%(account_id)s, nextval('notification_ids'))
    on conflict (account_id) do update set last_id = nextval('notification_ids')
    returning last_id
)
insert into notifications (id, account_id, kind, data, subject, subject_id, created_at, mail_at)
select last_id, %(account_id)s, %(kind)s, %(data)s, %(subject)s, %(subject_id)s, %(now)s,
    case when not %(is_mailed)s::boolean
        -- Not by recent_notifications(), which would cost as much again as the insert.
        or (select count(*) from (
            select from notifications
            where account_id = %(account_id)s and kind = %(kind)s
                and created_at > %(now)s::timestamptz - interval '1 hour'
            limit %(mails_per_hour)s::int) as counted
        ) >= %(mails_per_hour)s::int
    then %(mail_at)s::timestamptz end
from box
on conflict (account_id, subject_id) where kind = 'message' and read_at is null do nothing
returning id, account_id, kind, data, subject, subject_id, created_at, read_at;

-- name: after
-- plan: generic
select id, account_id, kind, data, subject, subject_id, created_at, read_at from notifications
where account_id = %(account_id)s and id > %(after_id)s
order by id limit %(limit)s;

-- name: ends
-- plan: generic
select account_id, last_id from notification_boxes where account_id = any(%(account_ids)s::bigint[]);

-- name: purged_up_to
select forgotten_id from notification_boxes where account_id = %(account_id)s;

-- name: page
-- plan: text, each of the three filters finds its own index
select id, account_id, kind, data, subject, subject_id, created_at, read_at from notifications
where account_id = %(account_id)s and (%(read)s::boolean is null or (read_at is not null) = %(read)s::boolean)
order by id desc limit %(limit)s offset %(offset)s;

-- name: count
-- plan: text, as `page`
select count(*) from notifications
where account_id = %(account_id)s and (%(read)s::boolean is null or (read_at is not null) = %(read)s::boolean);

-- name: find
-- plan: generic
select id, account_id, kind, data, subject, subject_id, created_at, read_at from notifications
where id = %(id)s and account_id = %(account_id)s;

-- name: mark_read
update notifications set read_at = coalesce(read_at, %(now)s), mail_at = null
where id = %(id)s and account_id = %(account_id)s;

-- name: mark_messages_read
-- Only when no message is left unread: messages after the one of the notification have no notification of their own.
update notifications set read_at = %(now)s, mail_at = null
where account_id = %(account_id)s and kind = 'message' and subject_id = %(conversation_id)s and read_at is null
and exists (
    select from conversations
    where id = %(conversation_id)s and case when low_id = %(account_id)s then low_unread else high_unread end = 0);

-- name: mark_all_read
update notifications set read_at = %(now)s, mail_at = null where account_id = %(account_id)s and read_at is null;

-- name: remove
delete from notifications where id = %(id)s and account_id = %(account_id)s;

-- name: remove_all
delete from notifications where account_id = %(account_id)s;

-- name: lock_inbox
select account_id from notification_boxes where account_id = %(account_id)s for no key update;

-- name: try_lock_inbox
-- Skipped while another process holds it or a notification is being written; the job runs again.
select account_id from notification_boxes where account_id = %(account_id)s for no key update skip locked;

-- name: wants_mail
-- Mails about a kind, or with null any mail.
select coalesce((
    select by_mail and not coalesce(%(kind)s::text = any(mail_muted), false)
    from notification_boxes where account_id = %(account_id)s), true);

-- name: mail_muted
select coalesce((select mail_muted from notification_boxes where account_id = %(account_id)s), '{}');

-- name: set_mail_muted
insert into notification_boxes (account_id, mail_muted) values (%(account_id)s, %(muted)s::text[])
on conflict (account_id) do update set mail_muted = excluded.mail_muted;

-- name: mail_version
select coalesce((select mail_version from notification_boxes where account_id = %(account_id)s), 0);

-- name: set_mail
insert into notification_boxes as box (account_id, by_mail) values (%(account_id)s, %(by_mail)s)
on conflict (account_id) do update set by_mail = excluded.by_mail,
    mail_version = box.mail_version + (excluded.by_mail and not box.by_mail)::int;

-- name: unsubscribe
-- Nothing when mails were switched on again meanwhile.
insert into notification_boxes as box (account_id, by_mail) values (%(account_id)s, false)
on conflict (account_id) do update set by_mail = false where box.mail_version = %(version)s;

-- name: language
select language from accounts where id = %(account_id)s;

-- name: star_to_mail
-- A star who wants mail, unless a mail about this conversation was sent lately, or many about others. The notification
-- itself is there already.
select a.id, a.username, a.email, a.language, a.channel, a.time_zone from accounts a
join creators c on c.account_id = a.id
join notification_boxes b on b.account_id = a.id and b.by_mail and not 'message' = any(b.mail_muted)
where a.id = %(account_id)s and a.is_active
and recent_notifications(a.id, 'message', %(now)s::timestamptz - interval '1 hour') <= %(mails_per_hour)s
and not exists (
    select from notifications n
    where n.account_id = %(account_id)s and n.kind = 'message' and n.subject_id = %(subject_id)s
    and n.id <> %(id)s and n.created_at > %(since)s);

-- name: skip_digest
update notifications set mail_at = null where id = %(id)s;

-- name: accounts_to_mail
select distinct account_id from notifications where mail_at <= %(now)s limit %(limit)s;

-- name: digest_of
-- One mail has all, also what would fall due a little later.
select id, account_id, kind, data, subject, subject_id, created_at, read_at, count(*) over () as total
from notifications
where account_id = %(account_id)s and read_at is null and mail_at is not null
    and not kind = any(coalesce(
        (select mail_muted from notification_boxes where account_id = %(account_id)s), '{}'))
order by id limit %(limit)s;

-- name: mark_mailed
update notifications set mail_at = null
where account_id = %(account_id)s and read_at is null and mail_at is not null;

-- name: digest_recipient
-- Confirmed addresses only: an unconfirmed one may belong to a stranger.
select a.id, a.username, a.email, a.language, a.channel, a.time_zone from accounts a
join notification_boxes b on b.account_id = a.id and b.by_mail
where a.id = %(account_id)s and a.is_active and a.email_verified_at is not null;

-- name: accounts_to_purge
select distinct account_id from (
    (select account_id from notifications where read_at < %(read_before)s order by read_at limit 1000)
    union all
    (select account_id from notifications where read_at is null and created_at < %(created_before)s
     order by created_at limit 1000)
) as old;

-- name: purge
with gone as (
    delete from notifications where id in (
        select id from notifications
        where account_id = %(account_id)s
            and (read_at < %(read_before)s or (read_at is null and created_at < %(created_before)s))
        order by id limit 1000)
    returning id
)
update notification_boxes set forgotten_id = greatest(forgotten_id, (select max(id) from gone))
where account_id = %(account_id)s and exists (select from gone);

-- name: export_notifications
select id, kind, data, subject, subject_id, created_at, read_at from notifications
where account_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: erase_notifications
delete from notifications where account_id = %(account_id)s;

-- name: erase_box
delete from notification_boxes where account_id = %(account_id)s;

-- name: erase_senders
-- Notifications of others about messages have the sender's name.
update notifications set data = jsonb_set(data, '{sender,username}', to_jsonb(%(alias)s::text))
from conversations
where (conversations.low_id = %(account_id)s or conversations.high_id = %(account_id)s)
    and notifications.account_id = case when low_id = %(account_id)s then high_id else low_id end
    and notifications.subject_id = conversations.id and notifications.kind in ('message', 'offer')
    and (notifications.data #>> '{sender,id}')::bigint = %(account_id)s;

-- name: erase_offer_words
-- Notifications of others about offers: the reason is the person's, the title may name the person.
update notifications set data = redacted_json(data - 'reason', %(names)s::text[], %(alias)s)
from conversations
where (conversations.low_id = %(account_id)s or conversations.high_id = %(account_id)s)
    and notifications.account_id = case when low_id = %(account_id)s then high_id else low_id end
    and notifications.data ? 'offer_id' and (notifications.data ->> 'conversation_id')::bigint = conversations.id;

-- name: erase_reasons
-- Notifications of the other parties of the person's orders: without the person's own words.
update notifications set data = case when exists (
        select from order_events where order_id = notifications.subject_id and actor_id = %(account_id)s
            and to_status in ('cancelled', 'rejected'))
    then data - 'reason' else redacted_json(data, %(names)s::text[], %(alias)s) end
where subject = 'order' and data ? 'reason'
    and (account_id, subject_id) in (
        select creators.account_id, orders.id from orders join creators on creators.id = orders.creator_id
        where orders.buyer_id = %(account_id)s
        union all
        select orders.buyer_id, orders.id from orders join creators on creators.id = orders.creator_id
        where creators.account_id = %(account_id)s);

-- name: posted
-- What an account that is neither blocked nor erased has posted.
select account_id, title, subject, subject_id from (
    select creators.account_id, services.title, 'account' as subject, creators.account_id as subject_id
    from services join creators on creators.id = services.creator_id
    where %(what)s = 'service' and services.id = %(id)s::bigint
    union all
    select author_id, '', 'order', order_id from reviews where %(what)s = 'review' and id = %(id)s::bigint
    union all
    select sender_id, '', 'conversation', conversation_id from messages
    where %(what)s = 'message' and id = %(id)s::bigint
) as posted
where exists (select from accounts where accounts.id = posted.account_id and is_active);
