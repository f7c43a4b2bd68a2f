-- name: lock_head
-- plan: generic
-- The first chain without a writer, so writers do not wait. There are more chains than a server has connections.
select chain, length, hash, seal from audit_heads order by chain limit 1 for update skip locked;

-- name: add_entry
-- plan: generic
with head as (
    update audit_heads set length = %(number)s, hash = %(hash)s, seal = %(seal)s where chain = %(chain)s
)
insert into audit_entries (chain, number, at, act, actor_id, subject, address, details, hash)
values (
    %(chain)s, %(number)s, %(at)s, %(action)s, %(actor_id)s, %(subject)s, %(address)s, %(details)s, %(hash)s);

-- name: heads
select chain, length, hash, seal from audit_heads order by chain;

-- name: entries_after
select id, chain, number, at, act, actor_id, subject, address, details, hash
from audit_entries where chain = %(chain)s and number > %(number)s order by number limit %(limit)s;

-- name: strays
-- A row of a chain that does not exist.
select id, chain, number from audit_entries
where not exists (select from audit_heads where audit_heads.chain = audit_entries.chain)
order by id limit 1;
