-- expand
-- When the platform's part of a safe deal leaves it, and what can be refunded then.

alter table earnings
    -- Frozen when the order is placed; null = no deal. Deals of before had theirs at the close.
    add column deal_fee_moment text,
    add constraint earnings_deal_fee_moment_check check (deal_fee_moment in ('deal_closed', 'payment_succeeded'));
update earnings set deal_fee_moment = 'deal_closed' where mode = 'safe_deal';
alter table payments
    add column deal_fee_moment text,
    -- Kopecks that can be refunded in all; null = all that was captured.
    add column refund_limit bigint,
    add constraint payments_deal_fee_moment_check check (deal_fee_moment in ('deal_closed', 'payment_succeeded')),
    add constraint payments_refund_limit_check check (refund_limit between 0 and amount);
