-- Accounts, sessions and mailed tokens.

-- name: account
-- plan: generic
select * from accounts where id = %(id)s;

-- name: account_by_credential
-- One of the keys is given, the others are null; a user name never looks like an e-mail or a phone.
select * from accounts
where username_key = %(username_key)s::text or email_key = %(email_key)s::text or phone = %(phone)s::text;

-- name: lock_account
-- Changes of password, profile and activity are serialized here.
select * from accounts where id = %(id)s for no key update;

-- name: password_hash
-- plan: generic
select password_hash from accounts where id = %(id)s;

-- name: taken
-- Names all taken fields at once; between concurrent requests, the constraints decide.
select
    exists (select 1 from accounts where username_key = %(username_key)s::text and id is distinct from %(but)s::bigint)
        as username,
    exists (select 1 from accounts where email_key = %(email_key)s::text and id is distinct from %(but)s::bigint)
        as email,
    exists (select 1 from accounts where phone = %(phone)s::text and id is distinct from %(but)s::bigint) as phone;

-- name: add_account
insert into accounts (
    username, username_key, email, email_key, phone, password_hash, first_name, last_name, birth_date, language, role,
    email_verified_at, bio, status, channel
) values (
    %(username)s, %(username_key)s, %(email)s, %(email_key)s, %(phone)s, %(password_hash)s, %(first_name)s,
    %(last_name)s, %(birth_date)s, %(language)s, %(role)s, %(email_verified_at)s, %(bio)s, %(status)s, %(channel)s
)
returning *;

-- name: change_profile
update accounts
set username = %(username)s, username_key = %(username_key)s, email = %(email)s, email_key = %(email_key)s,
    email_verified_at = case when email_key is not distinct from %(email_key)s::text then email_verified_at end,
    phone_verified_at = case when phone is not distinct from %(phone)s::text then phone_verified_at end,
    first_name = %(first_name)s, last_name = %(last_name)s, phone = %(phone)s, bio = %(bio)s,
    location = %(location)s, language = %(language)s, time_zone = %(time_zone)s,
    birth_date = %(birth_date)s, updated_at = now()
where id = %(id)s;

-- name: change_password
update accounts set password_hash = %(password_hash)s, updated_at = now() where id = %(id)s;

-- name: change_avatar
update accounts set avatar_id = %(avatar_id)s, avatar_key = %(avatar_key)s, updated_at = now() where id = %(id)s;

-- name: change_activity
update accounts set is_active = %(is_active)s, updated_at = now() where id = %(id)s;

-- name: confirm_email
update accounts
set email_verified_at = coalesce(email_verified_at, %(now)s::timestamptz), unconfirmed_from = null, updated_at = now()
where id = %(id)s;

-- name: add_session
insert into sessions (id, account_id, door, created_at, authenticated_at, expires_at, user_agent, address)
values (%(id)s, %(account_id)s, %(channel)s, %(now)s, %(now)s, %(expires_at)s, %(user_agent)s, %(address)s);

-- name: active_session
-- plan: generic
-- Of several sessions: requests that arrive together ask together.
select s.id as session_id, s.door as channel, s.created_at, s.expires_at, a.id, a.username, a.email, a.role,
       a.has_second_factor
from sessions s join accounts a on a.id = s.account_id
where s.id = any(%(ids)s::uuid[]) and s.ended_at is null and s.expires_at > %(now)s and a.is_active;

-- name: lock_session
-- Serializes concurrent uses of refresh tokens of one session, in all processes.
select s.id as session_id, s.door as channel, s.created_at, s.expires_at, coalesce(s.refreshed_at, s.created_at) as refreshed_at,
       s.generation, s.generation_used, a.id, a.email, a.language,
       case when a.email_verified_at is null then '' else a.username end as greeting_name
from sessions s join accounts a on a.id = s.account_id
where s.id = %(id)s and s.ended_at is null and s.expires_at > %(now)s and a.is_active
for no key update of s;

-- name: rotations
select generation, rotated_at from rotations where session_id = %(id)s;

-- name: add_rotation
-- Old rotations are deleted: a missing one means the same.
with gone as (delete from rotations where session_id = %(id)s and rotated_at < %(before)s)
insert into rotations (session_id, generation, rotated_at) values (%(id)s, %(generation)s, %(now)s);

-- name: touch_session
-- plan: generic
update sessions
set generation = %(generation)s, generation_used = %(used)s, refreshed_at = %(now)s, expires_at = %(expires_at)s
where id = %(id)s;

-- name: active_sessions
select id, door as channel, created_at, refreshed_at, expires_at, user_agent, address
from sessions
where account_id = %(account_id)s and ended_at is null and expires_at > %(now)s
order by created_at desc, id
limit %(limit)s offset %(offset)s;

-- name: count_active_sessions
select count(*) from sessions where account_id = %(account_id)s and ended_at is null and expires_at > %(now)s;

-- name: active_among
select s.id from sessions s join accounts a on a.id = s.account_id
where s.id = any(%(ids)s::uuid[]) and s.ended_at is null and s.expires_at > %(now)s and a.is_active;

-- name: end_sessions
-- One session of the account, or all active ones.
update sessions set ended_at = %(now)s, end_reason = %(reason)s
where account_id = %(account_id)s and ended_at is null and (%(id)s::uuid is null or id = %(id)s::uuid);

-- name: other_sessions
select id from sessions
where account_id = %(account_id)s and ended_at is null and expires_at > %(now)s and id is distinct from %(but)s::uuid;

-- name: authenticated_at
select authenticated_at from sessions where id = %(id)s;

-- name: reauthenticate
update sessions set authenticated_at = %(now)s where id = %(id)s;

-- name: revoke_devices
update accounts set devices_revoked_at = %(now)s where id = %(id)s;

-- name: devices_revoked_at
select devices_revoked_at from accounts where id = %(id)s;

-- name: unconfirmed_from
select unconfirmed_from from accounts where id = %(id)s;

-- name: register_from
update accounts set unconfirmed_from = %(network)s where id = %(id)s;

-- name: remove_password
update accounts set password_hash = null, updated_at = now() where id = %(id)s;

-- name: add_contact_change
insert into contact_changes (account_id, field, old_value, digest, changed_at, expires_at)
values (%(account_id)s, %(field)s, %(old_value)s, %(digest)s, %(now)s, %(expires_at)s);

-- name: contact_change
select id, account_id, field, old_value, changed_at from contact_changes
where digest = %(digest)s and undone_at is null and expires_at > %(now)s;

-- name: undo_contact_changes
-- Later changes are undone with the one that is named; of several changes of a field, the first has what was there.
with undone as (
    update contact_changes set undone_at = %(now)s
    where account_id = %(account_id)s and id >= %(id)s and undone_at is null
    returning id, field, old_value
)
select distinct on (field) field, old_value from undone order by field, id;

-- name: has_contact_change
select exists (
    select 1 from contact_changes
    where account_id = %(account_id)s and field = %(field)s and undone_at is null and expires_at > %(now)s
);

-- name: first_email
select old_value from contact_changes
where account_id = %(account_id)s and field = 'email' and undone_at is null and expires_at > %(now)s
order by id limit 1;

-- name: restore_contact
update accounts
set email = case when %(field)s = 'email' then %(value)s else email end,
    email_key = case when %(field)s = 'email' then %(key)s else email_key end,
    email_verified_at = case when %(field)s = 'email' then %(now)s else email_verified_at end,
    phone = case when %(field)s = 'phone' then %(value)s else phone end,
    phone_verified_at = case when %(field)s = 'phone' then null else phone_verified_at end,
    updated_at = now()
where id = %(id)s;

-- name: lock_phone_holder
select * from accounts where phone = %(phone)s for no key update;

-- name: release_phone
update accounts set phone = null, updated_at = %(now)s where id = %(id)s and phone_verified_at is null;

-- name: prove_phone
update accounts set phone = %(phone)s, phone_verified_at = %(now)s, updated_at = %(now)s where id = %(id)s;

-- name: add_mailed_token
insert into mailed_tokens (account_id, purpose, digest, created_at, expires_at)
values (%(account_id)s, %(purpose)s, %(digest)s, %(now)s, %(expires_at)s);

-- name: mailed_token
select account_id, expires_at, used_at from mailed_tokens where digest = %(digest)s and purpose = %(purpose)s;

-- name: use_mailed_token
-- Of two concurrent uses of a link, one gets the row.
update mailed_tokens set used_at = %(now)s
where digest = %(digest)s and purpose = %(purpose)s and used_at is null and expires_at > %(now)s
returning account_id;

-- name: use_up_mailed_tokens
update mailed_tokens set used_at = %(now)s
where account_id = %(account_id)s and used_at is null and (%(purpose)s::text is null or purpose = %(purpose)s::text);

-- name: sweep_sessions
-- Ended or expired some time ago; in batches, so that locks are short.
delete from sessions where id in (
    (select id from sessions where expires_at < %(before)s limit %(batch)s)
    union all
    (select id from sessions where ended_at < %(before)s limit %(batch)s)
);

-- name: sweep_contact_changes
delete from contact_changes where id in (select id from contact_changes where expires_at < %(before)s limit %(batch)s);

-- name: sweep_mailed_tokens
delete from mailed_tokens where id in (select id from mailed_tokens where expires_at < %(before)s limit %(batch)s);

-- name: lock_owners
-- Serializes owners who take the role from each other.
select id from accounts where role = 'owner' and is_active order by id for no key update;

-- name: staff
-- Uses the partial index over accounts with a role.
select * from accounts where role is not null
order by array_position(array['owner', 'operator', 'viewer'], role), username_key limit 1000;

-- name: change_role
update accounts set role = %(role)s, updated_at = now() where id = %(id)s;

-- name: export_account
select id, username, email, email_verified_at, phone, phone_verified_at, first_name, last_name, bio, status, location,
    birth_date, language, time_zone, role, is_active, created_at, updated_at
from accounts where id = %(account_id)s and id > %(after)s limit %(limit)s;

-- name: export_sessions
-- Sessions have no numbers.
select * from (
    select row_number() over (order by created_at, id) as id, door, created_at, refreshed_at, expires_at, ended_at,
        end_reason, user_agent, address
    from sessions where account_id = %(account_id)s
) numbered
where id > %(after)s order by id limit %(limit)s;

-- name: export_contact_changes
select id, field, old_value, changed_at, undone_at from contact_changes
where account_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: former_contacts
select distinct field, old_value from contact_changes where account_id = %(account_id)s and old_value is not null;

-- name: erasure_obstacles
-- Staff leave the staff first, so that an owner is left.
select 'staff_role' as code, id from accounts where id = %(account_id)s and role is not null;

-- name: lock_for_erasure
-- Stronger than the lock of `lock_account`: it waits for rows that refer to the account, and holds up new ones.
select * from accounts where id = %(id)s and erased_at is null for update;

-- name: aliases_taken
select username_key from accounts where username_key = any(%(keys)s::text[]) and id <> %(id)s;

-- name: erase_sessions
delete from sessions where account_id = %(account_id)s;

-- name: erase_mailed_tokens
delete from mailed_tokens where account_id = %(account_id)s;

-- name: erase_contact_changes
delete from contact_changes where account_id = %(account_id)s;

-- name: erase_account
update accounts set
    username = %(alias)s, username_key = %(alias)s, email = null, email_key = null, email_verified_at = null, phone = null,
    phone_verified_at = null, password_hash = null, first_name = '', last_name = '', bio = '', status = '', location = '',
    birth_date = null, time_zone = null, avatar_id = null, avatar_key = null, role = null, is_active = false, unconfirmed_from = null,
    erasure_due_at = null, erased_at = %(now)s, updated_at = %(now)s
where id = %(account_id)s;

-- name: set_erasure_due
update accounts set erasure_due_at = %(due_at)s where id = %(id)s;
