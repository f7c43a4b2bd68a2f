-- transactional: false
-- expand
-- The cheapest services, and those of a category in a range of prices, by kind: cheap greetings stood before the services
-- in the indexes by price alone, and were read and left out one by one.
drop index concurrently if exists services_kind_price_idx;
create index concurrently services_kind_price_idx on services (kind, base_price, id) where is_listed;
drop index concurrently if exists services_category_kind_price_idx;
create index concurrently services_category_kind_price_idx on services (category_id, kind, base_price, created_at, id)
    where is_listed;
