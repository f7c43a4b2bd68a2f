-- name: rules
-- Newest list first: its rules stand before those of the lists that it replaces.
select * from commission_rules order by list desc, position;

-- name: lock_rules
-- Two lists that are set at once come one after the other.
select pg_advisory_xact_lock(hashtext('commission_rules'));

-- name: add_rule
insert into commission_rules (list, position, name, creator_ids, category_ids, kinds, price_from, price_to, percent_bp,
    fixed, min_amount, max_amount, valid_from, created_by, created_at)
values (%(list)s, %(position)s, %(name)s, %(creator_ids)s::bigint[], %(category_ids)s::bigint[], %(kinds)s::text[],
    %(price_from)s, %(price_to)s, %(percent_bp)s, %(fixed)s, %(min_amount)s, %(max_amount)s, %(valid_from)s,
    %(created_by)s, %(now)s);

-- name: first_match
-- plan: generic
select * from first_commission_rule(%(service_id)s::bigint, %(kind)s::text, %(price)s::bigint, %(now)s::timestamptz);

-- name: rules_of_list
select * from commission_rules where list = %(list)s order by position;

-- name: creators_to_tell
-- Creators behind an id, with the mailbox of their account.
select accounts.id, accounts.username, accounts.email, accounts.language, accounts.channel
from creators join accounts on accounts.id = creators.account_id
where accounts.id > %(after)s and accounts.email is not null and accounts.is_active
order by accounts.id limit %(limit)s;

-- name: erase_rule_names
update commission_rules set name = redacted(name, %(names)s::text[], %(alias)s)
where %(account_id)s = any(creator_ids) and mentions(name, %(names)s::text[]);
