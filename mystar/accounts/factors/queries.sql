-- Second factors, recovery codes and challenges.

-- name: factors
select * from second_factors where account_id = %(account_id)s order by id limit 100;

-- name: factor_by_credential
select * from second_factors where credential_id = %(credential_id)s;

-- name: add_factor
insert into second_factors (
    account_id, kind, name, sealed, last_step, credential_id, user_handle, sign_count, transports, created_at
) values (
    %(account_id)s, %(kind)s, %(name)s, %(sealed)s, %(last_step)s, %(credential_id)s, %(user_handle)s, %(sign_count)s,
    %(transports)s::text[], %(now)s
)
returning *;

-- name: rename_factor
update second_factors set name = %(name)s where id = %(id)s and account_id = %(account_id)s returning *;

-- name: delete_factor
delete from second_factors where id = %(id)s and account_id = %(account_id)s returning *;

-- name: delete_factors
delete from second_factors where account_id = %(account_id)s;

-- name: delete_factors_since
delete from second_factors where account_id = %(account_id)s and created_at >= %(since)s returning *;

-- name: delete_codes_since
delete from recovery_codes where account_id = %(account_id)s and created_at >= %(since)s;

-- name: use_totp
-- Of two uses of a code, in whichever processes, one gets the row.
update second_factors set last_step = %(step)s, last_used_at = %(now)s
where id = %(id)s and coalesce(last_step, 0) < %(step)s;

-- name: use_passkey
-- Authenticators that do not count always say 0.
update second_factors set sign_count = %(count)s, last_used_at = %(now)s
where id = %(id)s and (sign_count < %(count)s or (sign_count = 0 and %(count)s = 0));

-- name: set_has_factor
update accounts set has_second_factor = %(has)s, updated_at = now() where id = %(account_id)s;

-- name: unused_codes
select id, digest from recovery_codes where account_id = %(account_id)s and used_at is null order by id limit 100;

-- name: count_unused_codes
select count(*) from recovery_codes where account_id = %(account_id)s and used_at is null;

-- name: use_code
update recovery_codes set used_at = %(now)s where id = %(id)s and used_at is null;

-- name: replace_codes
-- Old codes are deleted, used or not.
with gone as (delete from recovery_codes where account_id = %(account_id)s)
insert into recovery_codes (account_id, digest, created_at)
select %(account_id)s, digest, %(now)s from unnest(%(digests)s::text[]) as digest;

-- name: delete_codes
delete from recovery_codes where account_id = %(account_id)s;

-- name: add_challenge
insert into factor_challenges (digest, purpose, account_id, session_id, channel, sealed, created_at, expires_at)
values (%(digest)s, %(purpose)s, %(account_id)s, %(session_id)s, %(channel)s, %(sealed)s, %(now)s, %(expires_at)s);

-- name: challenge
select account_id, sealed from factor_challenges
where digest = %(digest)s and purpose = %(purpose)s and expires_at > %(now)s and tries < %(most)s;

-- name: try_challenge
-- Every try counts, before its answer is looked at.
update factor_challenges set tries = tries + 1
where digest = %(digest)s and purpose = %(purpose)s and expires_at > %(now)s and tries < %(most)s
    and session_id is not distinct from %(session_id)s::uuid and channel is not distinct from %(channel)s::text
returning account_id, sealed;

-- name: use_challenge
-- Of two uses, one deletes the row.
delete from factor_challenges where digest = %(digest)s;

-- name: end_challenges
-- Of sign-ins: what they began with is not valid any more.
delete from factor_challenges where account_id = %(account_id)s and purpose = 'sign_in';

-- name: sweep_challenges
delete from factor_challenges where digest in (
    select digest from factor_challenges where expires_at < %(now)s limit %(batch)s
);

-- name: export_factors
-- Not what verifies them.
select id, kind, name, created_at, last_used_at from second_factors
where account_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: erase_challenges
delete from factor_challenges where account_id = %(account_id)s;

-- name: erase_has_factor
update accounts set has_second_factor = false where id = %(account_id)s;
