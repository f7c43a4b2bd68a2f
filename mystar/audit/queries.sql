-- name: lock_head
-- plan: generic
-- The first chain without a writer, so writers do not wait. There are more chains than a server has connections.
select chain, length, hash, seal from audit_heads order by chain limit 1 for update skip locked;

-- name: add_entry
-- plan: generic
with head as (
    update audit_heads set length = %(number)s, hash = %(hash)s, seal = %(seal)s where chain = %(chain)s
)
insert into audit_entries (chain, number, at, act, actor_id, subject, address, details, hash, request_id)
values (
    %(chain)s, %(number)s, %(at)s, %(action)s, %(actor_id)s, %(subject)s, %(address)s, %(details)s, %(hash)s,
    nullif(%(request_id)s::text, ''));

-- name: heads
select chain, length, hash, seal from audit_heads order by chain;

-- name: entries_after
select id, chain, number, at, act, actor_id, subject, address, details, hash, redaction_chain, redaction_number
from audit_entries where chain = %(chain)s and number > %(number)s order by number limit %(limit)s;

-- name: entry_without_chain
-- A row of a chain that does not exist. From chain to chain through the index, as there are few of them.
with recursive chains as (
    select min(chain) as chain from audit_entries
    union all
    select (select min(e.chain) from audit_entries e where e.chain > chains.chain)
    from chains where chains.chain is not null
)
select e.id, e.chain, e.number from chains
join audit_entries e on e.chain = chains.chain
where not exists (select from audit_heads h where h.chain = chains.chain)
order by e.id limit 1;

-- name: entry_at
select id, chain, number, at, act, actor_id, subject, address, details, hash, redaction_chain, redaction_number
from audit_entries where chain = %(chain)s and number = %(number)s;

-- name: former_names
select details ->> 'field' as field, details ->> 'before' as before, details ->> 'after' as after
from audit_entries
where subject = %(subject)s and act = 'field_changed'
    and details ->> 'field' in ('username', 'first_name', 'last_name');

-- name: entries_of_person
-- Entries about the account or by it that have what is replaced.
select id, chain, number, at, act, actor_id, subject, address, details, hash, redaction_chain, redaction_number
from audit_entries
where id in (
        select id from audit_entries where subject = %(subject)s
        union
        select id from audit_entries where actor_id = %(account_id)s)
    and ((subject = %(subject)s and act = any(%(actions)s::text[])) or mentions(details::text, %(names)s::text[]))
order by id;

-- name: redact_entry
update audit_entries set details = %(details)s, redaction_chain = %(chain)s, redaction_number = %(number)s
where id = %(id)s;

-- name: export_audit
-- Addresses of others, such as staff, are theirs.
select id, at, act, subject, case when actor_id is null or actor_id = %(account_id)s then address end as address,
    details - 'fingerprint' as details
from audit_entries
where id in (
    (select id from audit_entries where subject = 'account:' || %(account_id)s::text and id > %(after)s
     order by id limit %(limit)s)
    union
    (select id from audit_entries where actor_id = %(account_id)s and id > %(after)s order by id limit %(limit)s)
)
order by id limit %(limit)s;
