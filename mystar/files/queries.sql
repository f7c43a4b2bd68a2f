-- name: lock_quota
-- Two uploads of one person queue here, so that they cannot both take the last free place.
select pg_advisory_xact_lock(hashtextextended('files of ' || %(owner_id)s::bigint, 0));

-- name: used
select coalesce(sum(size), 0)::bigint from files where owner_id = %(owner_id)s;

-- name: add
insert into files (owner_id, key, kind, name, content_type, size, sha256, is_public, uploaded_at)
select %(owner_id)s, %(key)s, %(kind)s, %(name)s, %(content_type)s, %(size)s, %(sha256)s, %(is_public)s, %(now)s
where (select coalesce(sum(size), 0) from files where owner_id = %(owner_id)s) + %(size)s <= %(quota)s
returning *;

-- name: by_key
select files.*, exists (
    select from file_readers where file_id = files.id and account_id = %(reader_id)s::bigint
) as may_read
from files where key = %(key)s;

-- name: attach
update files set attached_at = %(now)s, is_public = coalesce(%(is_public)s::boolean, is_public)
where id = %(id)s and owner_id = %(owner_id)s and attached_at is null
returning *;

-- name: is_owned
select exists (select from files where id = %(id)s and owner_id = %(owner_id)s);

-- name: let_read
insert into file_readers (file_id, account_id)
select %(id)s, unnest(%(readers)s::bigint[])
on conflict do nothing;

-- name: lock_avatar
select avatar_id from accounts where id = %(account_id)s for no key update;

-- name: discard
with gone as (delete from files where id = %(id)s returning key)
insert into discarded_files (key, discarded_at) select key, %(now)s from gone;

-- name: forget
with gone as (
    delete from files where id = %(id)s and owner_id = %(owner_id)s and attached_at is null returning key
)
insert into discarded_files (key, discarded_at) select key, %(now)s from gone returning key;

-- name: discard_unattached
with gone as (
    delete from files where id in (
        select id from files where attached_at is null and uploaded_at < %(before)s::timestamptz
        order by uploaded_at limit %(batch)s for update skip locked
    ) returning key
)
insert into discarded_files (key, discarded_at) select key, %(now)s from gone;

-- name: discarded
select key from discarded_files where key > %(after)s order by key limit %(batch)s;

-- name: forget_discarded
delete from discarded_files where key = any(%(keys)s::text[]);

-- name: unknown_keys
select asked.key from unnest(%(keys)s::text[]) as asked (key)
where not exists (select from files where files.key = asked.key);

-- name: page_of_keys
select key from files where key > %(after)s order by key limit %(batch)s;
