-- expand
-- Deals are compared with the provider's, and found by its ids.
create index payments_deal_idx on payments (deal_id) where deal_id is not null;
