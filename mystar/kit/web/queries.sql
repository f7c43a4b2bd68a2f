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
