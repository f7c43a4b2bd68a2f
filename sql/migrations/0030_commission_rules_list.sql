-- expand
-- The panel's list of commission rules.

create index commission_rules_created_register_idx on commission_rules (created_at, id);
