-- name: lock_quota
-- Uploads of one account, or of all guests, wait for each other, so that two cannot use the same rest of the quota.
select pg_advisory_xact_lock(hashtextextended('files of ' || coalesce(%(owner_id)s::bigint::text, 'guests'), 0));

-- name: used
select
    (select coalesce(sum(size), 0) from files where owner_id = %(owner_id)s::bigint)::bigint
    + (
        select coalesce(sum(size), 0) from upload_reservations
        where owner_id = %(owner_id)s::bigint and touched_at > %(since)s
    )::bigint;

-- name: reserve
-- As many bytes as are wanted, or as are left: no row when these are fewer than needed. Beside an id, that reservation
-- grows.
with room as (
    select
        %(quota)s::bigint
        - (
            select coalesce(sum(size), 0) from files
            where owner_id = %(owner_id)s::bigint or (%(owner_id)s::bigint is null and owner_id is null)
        )
        - (
            select coalesce(sum(size), 0) from upload_reservations
            where (owner_id = %(owner_id)s::bigint or (%(owner_id)s::bigint is null and owner_id is null))
                and touched_at > %(since)s::timestamptz and id is distinct from %(id)s::bigint
        ) as bytes
), grown as (
    update upload_reservations
    set size = least(%(wanted)s::bigint, room.bytes), touched_at = %(now)s::timestamptz
    from room
    where id = %(id)s::bigint and room.bytes >= %(needed)s::bigint
    returning id, size
), begun as (
    insert into upload_reservations (owner_id, size, touched_at)
    select %(owner_id)s::bigint, least(%(wanted)s::bigint, bytes), %(now)s::timestamptz from room
    where bytes >= %(needed)s::bigint and %(id)s::bigint is null
    returning id, size
)
select id, size from grown
union all
select id, size from begun;

-- name: release
delete from upload_reservations where id = %(id)s;

-- name: delete_stale_reservations
delete from upload_reservations where touched_at < %(before)s;

-- name: lock_turns
select pg_advisory_xact_lock(hashtextextended(%(kind)s::text || ' turns of ' || %(person)s::text, 0));

-- name: begin_turn
insert into upload_turns (kind, person, expires_at)
select %(kind)s::text, %(person)s::text, %(until)s::timestamptz
where (
    select count(*) from upload_turns where kind = %(kind)s::text and person = %(person)s::text and expires_at > %(now)s
) < %(at_once)s::int
returning id;

-- name: extend_turn
update upload_turns set expires_at = %(until)s where id = %(id)s;

-- name: end_turn
delete from upload_turns where id = %(id)s;

-- name: delete_expired_turns
delete from upload_turns where expires_at < %(now)s;

-- name: add
insert into files (
    owner_id, key, kind, name, content_type, size, sha256, is_public, uploaded_at, duration_ms, width, height, codec
)
select
    %(owner_id)s::bigint, %(key)s, %(kind)s, %(name)s, %(content_type)s, %(size)s, %(sha256)s, %(is_public)s, %(now)s,
    %(duration_ms)s::bigint, %(width)s::integer, %(height)s::integer, %(codec)s
where (
    select coalesce(sum(size), 0) from files
    where owner_id = %(owner_id)s::bigint or (%(owner_id)s::bigint is null and owner_id is null)
) + %(size)s <= %(quota)s
returning *;

-- name: add_copies
-- Only of a file that still exists.
insert into file_copies (key, file_id, side, content_type, size, sha256)
select key, %(file_id)s, side, content_type, size, sha256
from unnest(
    %(keys)s::text[], %(sides)s::integer[], %(content_types)s::text[], %(sizes)s::bigint[], %(digests)s::bytea[]
) as copy (key, side, content_type, size, sha256)
where exists (select from files where id = %(file_id)s)
on conflict do nothing;

-- name: without_copies
-- Avatars from before there were copies.
select files.* from files
where kind = 'avatar' and id > %(after)s and not exists (select from file_copies where file_id = files.id)
order by id limit %(batch)s;

-- name: by_key
-- plan: generic
-- A copy opens as its file does, and has a body of its own.
select
    file.id, file.owner_id, file.kind, file.name, file.is_public, file.uploaded_at, file.attached_at, copy.side,
    coalesce(copy.key, file.key) as key, coalesce(copy.content_type, file.content_type) as content_type,
    coalesce(copy.size, file.size) as size, coalesce(copy.sha256, file.sha256) as sha256,
    exists (select from file_readers where file_id = file.id and account_id = %(reader_id)s::bigint) as may_read
from files as file left join file_copies as copy on copy.file_id = file.id and copy.key = %(key)s
where file.id = coalesce(
    (select id from files where key = %(key)s), (select file_id from file_copies where key = %(key)s)
);

-- name: attach
update files set attached_at = %(now)s, is_public = coalesce(%(is_public)s::boolean, is_public)
where id = %(id)s and owner_id is not distinct from %(owner_id)s::bigint and attached_at is null
returning *;

-- name: is_owned
-- plan: generic
select exists (select from files where id = %(id)s and owner_id is not distinct from %(owner_id)s::bigint);

-- name: owned
select * from files where id = %(id)s and owner_id = %(owner_id)s;

-- name: owned_by
select * from files where owner_id = %(owner_id)s
order by uploaded_at desc, id desc limit %(limit)s offset %(offset)s;

-- name: count_owned_by
select count(*) from files where owner_id = %(owner_id)s;

-- name: let_read
insert into file_readers (file_id, account_id)
select %(id)s, unnest(%(readers)s::bigint[])
on conflict do nothing;

-- name: lock_avatar
select avatar_id from accounts where id = %(account_id)s for no key update;

-- name: mark_deleted
-- Here and below: copies are deleted with their file, and the bytes of both after the commit.
with gone as (delete from files where id = %(id)s returning id, key)
insert into discarded_files (key, discarded_at)
select key, %(now)s::timestamptz from gone
union all
select copy.key, %(now)s::timestamptz from gone join file_copies as copy on copy.file_id = gone.id;

-- name: delete_unattached
with gone as (
    delete from files
    where id = %(id)s and owner_id is not distinct from %(owner_id)s::bigint and attached_at is null
    returning id, key
)
insert into discarded_files (key, discarded_at)
select key, %(now)s::timestamptz from gone
union all
select copy.key, %(now)s::timestamptz from gone join file_copies as copy on copy.file_id = gone.id;

-- name: mark_unattached_deleted
with gone as (
    delete from files where id in (
        select id from files where attached_at is null and uploaded_at < %(before)s::timestamptz
        order by uploaded_at limit %(batch)s for update skip locked
    ) returning id, key
)
insert into discarded_files (key, discarded_at)
select key, %(now)s::timestamptz from gone
union all
select copy.key, %(now)s::timestamptz from gone join file_copies as copy on copy.file_id = gone.id;

-- name: mark_old_of_guests_deleted
with gone as (
    delete from files where id in (
        select id from files where owner_id is null and uploaded_at < %(before)s::timestamptz
        order by uploaded_at limit %(batch)s for update skip locked
    ) returning id, key
)
insert into discarded_files (key, discarded_at)
select key, %(now)s::timestamptz from gone
union all
select copy.key, %(now)s::timestamptz from gone join file_copies as copy on copy.file_id = gone.id;

-- name: marked_deleted
select key from discarded_files where key > %(after)s order by key limit %(batch)s;

-- name: delete_marks
delete from discarded_files where key = any(%(keys)s::text[]);

-- name: unknown_keys
select asked.key from unnest(%(keys)s::text[]) as asked (key)
where not exists (select from files where files.key = asked.key)
    and not exists (select from file_copies where file_copies.key = asked.key)
    and not exists (select from temporary_files where temporary_files.key = asked.key);

-- name: page_of_keys
(select key from files where key > %(after)s order by key limit %(batch)s)
union all
(select key from file_copies where key > %(after)s order by key limit %(batch)s)
order by key limit %(batch)s;

-- name: digests
(select key, sha256 from files where key > %(after)s order by key limit %(batch)s)
union all
(select key, sha256 from file_copies where key > %(after)s order by key limit %(batch)s)
order by key limit %(batch)s;

-- name: export_files
select id, name, kind, content_type, size, is_public, uploaded_at, key from files
where owner_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: erase_readers
delete from file_readers where account_id = %(account_id)s;

-- name: erase_reservations
delete from upload_reservations where owner_id = %(account_id)s;

-- name: erase_files
-- The bytes are deleted after the commit, as those of every file.
with gone as (
    delete from files where owner_id = %(account_id)s and not id = any(%(kept)s::bigint[]) returning id, key
)
insert into discarded_files (key, discarded_at)
select key, %(now)s::timestamptz from gone
union all
select copy.key, %(now)s::timestamptz from gone join file_copies as copy on copy.file_id = gone.id;

-- name: rename_kept_files
update files set name = 'file-' || id || coalesce(substring(name from '\.[A-Za-z0-9]{1,10}$'), '')
where owner_id = %(account_id)s;

-- name: add_temporary
insert into temporary_files (key, size, expires_at) values (%(key)s, %(size)s, %(expires_at)s);

-- name: discard_temporary
with gone as (delete from temporary_files where key = %(key)s returning key)
insert into discarded_files (key, discarded_at) select key, %(now)s::timestamptz from gone;

-- name: discard_expired_temporary
with gone as (
    delete from temporary_files where key in (
        select key from temporary_files where expires_at < %(now)s::timestamptz order by expires_at limit %(batch)s
    ) returning key
)
insert into discarded_files (key, discarded_at) select key, %(now)s::timestamptz from gone;
