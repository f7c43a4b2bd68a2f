-- expand
-- The first commission rule whose conditions all hold for a sale of a service; a newer list stands before an older one.
-- A function, since a quote reads the rule and an order freezes it in one statement.
create function first_commission_rule(sold_service bigint, sold_kind text, sold_price bigint, at timestamptz)
returns setof commission_rules language sql stable as $$
    select rule.* from services join creators on creators.id = services.creator_id, commission_rules rule
    where services.id = sold_service
        and rule.valid_from <= at
        and (rule.creator_ids is null or creators.account_id = any(rule.creator_ids))
        and (rule.category_ids is null or services.category_id = any(rule.category_ids))
        and (rule.kinds is null or sold_kind = any(rule.kinds))
        and (rule.price_from is null or rule.price_from <= sold_price)
        and (rule.price_to is null or rule.price_to >= sold_price)
    order by rule.list desc, rule.position
    limit 1
$$;
