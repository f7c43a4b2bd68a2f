-- Identities at the providers, and sign-in attempts.

-- name: identity_account
select account_id from provider_identities where issuer = %(issuer)s and subject = %(subject)s;

-- name: add_identity
insert into provider_identities (issuer, subject, account_id) values (%(issuer)s, %(subject)s, %(account_id)s);

-- name: forget_identities
delete from provider_identities where account_id = %(account_id)s;

-- name: taken_usernames
select username_key from accounts where username_key = any(%(keys)s::text[]);

-- name: add_attempt
insert into sign_in_attempts (digest, provider, verifier, redirect_url, created_at, expires_at)
values (%(digest)s, %(provider)s, %(verifier)s, %(redirect_url)s, %(now)s, %(expires_at)s);

-- name: use_attempt
-- Of two concurrent requests with one state, one gets the row; the attempt of another provider is not found.
update sign_in_attempts set used_at = %(now)s
where digest = %(digest)s and provider = %(provider)s and used_at is null and expires_at > %(now)s
returning verifier, redirect_url;

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
