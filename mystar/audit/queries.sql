-- name: lock_head
-- The first chain that nobody is writing to, so nobody waits. There are more of them than a server has connections.
select chain, length, hash, seal from audit_heads order by chain limit 1 for update skip locked;

-- name: add_entry
with head as (
    update audit_heads set length = %(number)s, hash = %(hash)s, seal = %(seal)s where chain = %(chain)s
)
insert into audit_entries (chain, number, at, act, actor_id, subject, address, details, hash)
values (
    %(chain)s, %(number)s, %(at)s, %(act)s, %(actor_id)s, %(subject)s, %(address)s, %(details)s, %(hash)s);

-- name: heads
select chain, length, hash, seal from audit_heads order by chain;

-- name: entries_after
select id, chain, number, at, act, actor_id, subject, address, details, hash
from audit_entries where chain = %(chain)s and number > %(number)s order by number limit %(limit)s;

-- name: strays
-- In chains that do not exist.
select id, chain, number from audit_entries
where not exists (select from audit_heads where audit_heads.chain = audit_entries.chain)
order by id limit 1;

-- name: entries
-- What is not asked for is a constant, which the planner leaves out; the rest comes from the index that fits.
select id, chain, number, at, act, actor_id, subject, address, details, hash
from audit_entries
where (%(act)s::text is null or act = %(act)s)
    and (%(actor_id)s::bigint is null or actor_id = %(actor_id)s)
    and (%(subject)s::text is null or subject = %(subject)s)
    and (%(since)s::timestamptz is null or at >= %(since)s)
    and (%(until)s::timestamptz is null or at < %(until)s)
order by id desc limit %(limit)s offset %(offset)s;

-- name: count_entries
select count(*) from audit_entries
where (%(act)s::text is null or act = %(act)s)
    and (%(actor_id)s::bigint is null or actor_id = %(actor_id)s)
    and (%(subject)s::text is null or subject = %(subject)s)
    and (%(since)s::timestamptz is null or at >= %(since)s)
    and (%(until)s::timestamptz is null or at < %(until)s);
