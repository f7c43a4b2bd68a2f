-- Identities at the providers, and sign-in attempts.

-- name: identity_account
select account_id from provider_identities where issuer = %(issuer)s and subject = %(subject)s;

-- name: add_identity
insert into provider_identities (issuer, subject, account_id) values (%(issuer)s, %(subject)s, %(account_id)s);

-- name: identities
select id, issuer as provider, created_at as linked_at from provider_identities where account_id = %(account_id)s
order by id limit 100;

-- name: delete_identities
-- One identity of the account, or all of them.
delete from provider_identities
where account_id = %(account_id)s and (%(id)s::bigint is null or id = %(id)s::bigint)
returning issuer;

-- name: taken_usernames
select username_key from accounts where username_key = any(%(keys)s::text[]);

-- name: add_attempt
insert into sign_in_attempts (
    digest, provider, channel, browser, client, has_pkce, verifier, redirect_url, created_at, expires_at
) values (
    %(digest)s, %(provider)s, %(channel)s, %(browser)s, %(client)s, %(has_pkce)s, %(verifier)s, %(redirect_url)s,
    %(now)s, %(expires_at)s
);

-- name: attempt_by_state
select id, browser, client, has_pkce from sign_in_attempts
where digest = %(digest)s and provider = %(provider)s and channel = %(channel)s
    and used_at is null and expires_at > %(now)s;

-- name: attempts_of_browser
-- The newest first.
select id from sign_in_attempts
where browser = %(browser)s and provider = %(provider)s and channel = %(channel)s
    and used_at is null and expires_at > %(now)s
order by id desc limit 2;

-- name: attempts_of_client
select id from sign_in_attempts
where client = %(client)s and provider = %(provider)s and channel = %(channel)s and has_pkce
    and used_at is null and expires_at > %(now)s
limit 2;

-- name: use_attempt
-- Of two concurrent requests for one attempt, one gets the row.
update sign_in_attempts set used_at = %(now)s where id = %(id)s and used_at is null
returning digest, verifier, redirect_url;

-- name: remember_token
update sign_in_attempts set token_digest = %(token_digest)s, token_until = %(until)s where digest = %(digest)s;

-- name: is_own_token
select exists (
    select 1 from sign_in_attempts
    where token_digest = %(token_digest)s and provider = %(provider)s and token_until > %(now)s
);

-- name: sweep_attempts
delete from sign_in_attempts where id in (
    select id from sign_in_attempts where greatest(expires_at, token_until) < %(before)s limit %(batch)s
);

-- name: export_identities
select id, issuer, subject, created_at from provider_identities
where account_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: erase_identities
delete from provider_identities where account_id = %(account_id)s;
