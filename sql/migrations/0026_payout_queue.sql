-- expand
-- Whether payouts are sent to the provider at all: one row. An empty balance, or refused credentials, stop all of them.

create table payout_queue (
    is_only boolean primary key default true,
    stopped_for text,
    stopped_at timestamptz,
    constraint payout_queue_one_row_check check (is_only),
    constraint payout_queue_reason_check check (stopped_for in ('insufficient_funds', 'credentials'))
);
insert into payout_queue default values;
