-- expand
-- The method that the buyer chose, payments that the provider refuses for good, and refunds that fail later.

alter table payments
    -- "bank_card" is held and captured later, "sbp" is charged at once.
    add column chosen_method text not null default 'bank_card',
    -- What the provider said when it refused to create the payment, as "parameter: description"; the same call would be
    -- refused again.
    add column refusal text,
    -- The provider's reason why the latest refund failed; null once the next one is begun or the money is back.
    add column refund_failure text,
    -- How many times a refund of all the rest was begun anew; part of its idempotency key.
    add column refund_attempt integer not null default 0,
    -- The provider's id of a refund that is pending.
    add column refund_id text,
    -- What is left of the captured amount after the provider's fee.
    add column income bigint,
    add constraint payments_method_check check (chosen_method in ('bank_card', 'sbp'));

alter table orders
    -- That of the latest payment; null before the first one.
    add column payment_method text,
    -- Why the provider takes no payment for this order; null = it may be paid.
    add column payment_refusal text;
