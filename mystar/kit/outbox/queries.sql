-- name: insert_message
-- plan: generic
-- The same name in a topic is the same message: the row is touched, so that its id is returned, and it is sent once.
insert into outbox (topic, name, payload, next_attempt_at, lane, cause)
values (%(topic)s, %(name)s, %(payload)s, coalesce(%(after)s::timestamptz, now()), %(lane)s, %(cause)s)
on conflict on constraint outbox_name_key do update set name = excluded.name
returning id;

-- name: due_topics
-- plan: generic
select topic from unnest(%(topics)s::text[]) as asked (topic)
where exists (
    select from outbox
    where outbox.topic = asked.topic and done_at is null and failed_at is null
        and next_attempt_at <= %(now)s and (claimed_until is null or claimed_until < %(now)s));

-- name: claim_messages
-- plan: generic
-- Several processes share the work. Each takes rows without a lease; the lease of a killed process runs out. A row waits
-- for the earlier ones of its lane, unless those have failed ten times.
update outbox set claimed_until = %(now)s::timestamptz + make_interval(secs => %(lease)s), attempts = attempts + 1
where id in (
    select id from outbox
    where topic = %(topic)s and done_at is null and failed_at is null
        and next_attempt_at <= %(now)s and (claimed_until is null or claimed_until < %(now)s)
        and not exists (
            select from outbox as earlier
            where earlier.topic = outbox.topic and earlier.lane = outbox.lane and earlier.id < outbox.id
                and earlier.done_at is null and earlier.failed_at is null and earlier.attempts < 10)
    order by next_attempt_at, id
    limit %(batch)s
    for update skip locked
)
returning id, topic, name, idempotency_key, payload, attempts, cause;

-- name: newest_message
select created_at from outbox order by id desc limit 1;

-- name: restart_messages
-- The clock was set back: what was due by the old time is due now, but for rows that were given a start. A lease that
-- is longer than any is cut; its process, if it lives, has the usual time.
update outbox set
    next_attempt_at = least(next_attempt_at, %(now)s),
    claimed_until = case when claimed_until is not null
        then least(claimed_until, %(now)s::timestamptz + make_interval(secs => %(lease)s)) end
where done_at is null and failed_at is null and (next_attempt_at > %(now)s or claimed_until > %(now)s)
    and (attempts > 0 or last_error is not null or next_attempt_at <= created_at + interval '1 second');

-- name: finish_message
-- plan: generic
-- A row with `forget` leaves nothing behind.
with gone as (delete from outbox where id = %(id)s and payload ? 'forget')
update outbox set done_at = now(), claimed_until = null, last_error = null
where id = %(id)s and not payload ? 'forget';

-- name: postpone_message
update outbox
set claimed_until = null, attempts = %(attempts)s, next_attempt_at = %(next)s, last_error = %(reason)s
where id = %(id)s;

-- name: give_up_message
with gone as (delete from outbox where id = %(id)s and payload ? 'forget')
update outbox set failed_at = now(), claimed_until = null, last_error = %(reason)s
where id = %(id)s and not payload ? 'forget';

-- name: is_message_done
-- plan: generic
select done_at is not null or failed_at is not null as over from outbox where id = %(id)s;

-- name: purge_messages
delete from outbox where id in (select id from outbox where done_at < %(before)s order by done_at limit 1000);

-- name: count_waiting_messages
select topic,
    count(*) filter (where failed_at is null) as waiting,
    count(*) filter (where failed_at is not null) as failed,
    coalesce(extract(epoch from now() - min(created_at) filter (where failed_at is null)), 0)::float as oldest_seconds
from outbox where done_at is null group by topic;

-- name: retry_message
-- Not while a process has claimed it.
update outbox set failed_at = null, attempts = 0, next_attempt_at = now(), claimed_until = null
where id = %(id)s and done_at is null
    and (failed_at is not null or claimed_until is null or claimed_until < now());

-- name: repeat_mail
-- Without the name, since a name is used once.
insert into outbox (topic, payload, lane) select topic, payload, lane from outbox
where id = %(id)s and topic in ('mail', 'account_mail') and done_at is not null
returning id;

-- name: message_exists
select true from outbox where id = %(id)s;

-- name: erase_mails_to
-- Also those that wait: nothing is to reach the address any more.
delete from outbox where topic in ('mail', 'account_mail') and lower(payload ->> 'to') = any(%(emails)s::text[]);

-- name: erase_link_requests
delete from outbox where topic = 'link_request' and lower(payload ->> 'email') = any(%(emails)s::text[]);

-- name: erase_sent_mails_about
-- Mails to others that name the person, with what the person wrote to them. They have been delivered.
delete from outbox
where topic in ('mail', 'account_mail') and (done_at is not null or failed_at is not null) and mentions(payload::text, %(names)s::text[]);

-- name: erase_mails_about
-- In what is read only: a name may be a word of another's address, or that of a field.
update outbox set payload = payload - case when lower(payload ->> 'reply_to') = any(%(emails)s::text[]) then 'reply_to' else '' end
    || jsonb_build_object(
        'subject', redacted(payload ->> 'subject', %(names)s::text[], %(alias)s),
        'text', redacted(payload ->> 'text', %(names)s::text[], %(alias)s),
        'html', redacted(payload ->> 'html', %(names)s::text[], %(alias)s))
where topic in ('mail', 'account_mail') and mentions(payload::text, %(names)s::text[]);

-- name: erase_pushes_about
update outbox set payload = jsonb_set(payload, '{data}', payload -> 'data' || jsonb_build_object(
    'title', redacted(payload #>> '{data,title}', %(names)s::text[], %(alias)s),
    'body', redacted(payload #>> '{data,body}', %(names)s::text[], %(alias)s)))
where topic = 'push' and mentions(payload::text, %(names)s::text[]);
