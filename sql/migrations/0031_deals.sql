-- expand
-- Safe deals: each order's money rests at the provider until its creator is paid.

alter table payments
    -- The creator's part of the payment, frozen when it was begun; null = no deal.
    add column deal_share bigint,
    add column deal_id text,
    add constraint payments_deal_check check (deal_share between 1 and amount);
-- Shares that wait for a payout of their own.
create index earnings_deal_due_idx on earnings (clears_at, order_id) where mode = 'safe_deal' and pending > 0;
