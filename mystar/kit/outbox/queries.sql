-- name: put_letter
-- The same name again is the same deed: the row is touched, so that its id comes back, and nothing is sent twice.
insert into outbox (topic, name, payload, next_attempt_at)
values (%(topic)s, %(name)s, %(payload)s, coalesce(%(after)s::timestamptz, now()))
on conflict on constraint outbox_name_key do update set name = excluded.name
returning id;

-- name: claim_letters
-- Several processes share the work: each takes rows that nobody holds, and the lease outlives a killed holder.
update outbox set claimed_until = %(now)s::timestamptz + make_interval(secs => %(lease)s), attempts = attempts + 1
where id in (
    select id from outbox
    where topic = %(topic)s and done_at is null and failed_at is null
        and next_attempt_at <= %(now)s and (claimed_until is null or claimed_until < %(now)s)
    order by next_attempt_at, id
    limit %(batch)s
    for update skip locked
)
returning id, topic, name, idempotency_key, payload, attempts;

-- name: finish_letter
update outbox set done_at = now(), claimed_until = null, last_error = null where id = %(id)s;

-- name: postpone_letter
update outbox
set claimed_until = null, attempts = %(attempts)s, next_attempt_at = %(next)s, last_error = %(reason)s
where id = %(id)s;

-- name: give_up_letter
update outbox set failed_at = now(), claimed_until = null, last_error = %(reason)s where id = %(id)s;

-- name: is_letter_done
select done_at is not null or failed_at is not null as over from outbox where id = %(id)s;

-- name: purge_letters
delete from outbox where id in (select id from outbox where done_at < %(before)s order by done_at limit 1000);

-- name: count_waiting_letters
select topic,
    count(*) filter (where failed_at is null) as waiting,
    count(*) filter (where failed_at is not null) as failed,
    coalesce(extract(epoch from now() - min(created_at) filter (where failed_at is null)), 0)::float as oldest_seconds
from outbox where done_at is null group by topic;

-- name: retry_letter
-- Not while somebody has it in hand.
update outbox set failed_at = null, attempts = 0, next_attempt_at = now(), claimed_until = null
where id = %(id)s and done_at is null
    and (failed_at is not null or claimed_until is null or claimed_until < now());

-- name: repeat_mail
-- A new row without a name, for the name says that the deed is done.
insert into outbox (topic, payload) select topic, payload from outbox
where id = %(id)s and topic = 'mail' and done_at is not null
returning id;

-- name: is_letter
select true from outbox where id = %(id)s;
