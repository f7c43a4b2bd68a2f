-- name: try_lock_key
-- plan: generic
-- Held to the end of the transaction; a second request is refused instead of waiting.
select pg_try_advisory_xact_lock(
    hashtextextended('answer ' || coalesce(%(account_id)s::bigint, 0) || ' ' || %(key)s, 0)
);

-- name: find_answer
-- plan: generic
select fingerprint, status, body, content_type from idempotency_keys
where key = %(key)s and coalesce(account_id, 0) = coalesce(%(account_id)s::bigint, 0);

-- name: insert_answer
-- plan: generic
insert into idempotency_keys (account_id, key, fingerprint, status, body, content_type, created_at)
values (%(account_id)s, %(key)s, %(fingerprint)s, %(status)s, %(body)s, %(content_type)s, %(now)s);

-- name: purge_answers
delete from idempotency_keys where ctid = any(array(
    select ctid from idempotency_keys where created_at < %(before)s order by created_at limit 1000 for update
));

-- name: erase_answers
-- Kept answers have what the person was shown.
delete from idempotency_keys where account_id = %(account_id)s;

-- name: erase_in_answers
-- Answers to others, of the two days that they are kept: a repeated request still finds its answer.
update idempotency_keys
set body = convert_to(redacted(convert_from(body, 'UTF8'), %(names)s::text[], %(alias)s), 'UTF8')
where content_type like 'application/json%%' and mentions(convert_from(body, 'UTF8'), %(names)s::text[]);
