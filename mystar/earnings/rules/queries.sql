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
-- The first rule whose conditions all hold for a sale of this service; a newer list stands before an older one.
select rule.* from services join creators on creators.id = services.creator_id, commission_rules rule
where services.id = %(service_id)s
    and rule.valid_from <= %(now)s
    and (rule.creator_ids is null or creators.account_id = any(rule.creator_ids))
    and (rule.category_ids is null or services.category_id = any(rule.category_ids))
    and (rule.kinds is null or %(kind)s = any(rule.kinds))
    and (rule.price_from is null or rule.price_from <= %(price)s)
    and (rule.price_to is null or rule.price_to >= %(price)s)
order by rule.list desc, rule.position
limit 1;
