-- expand
-- What payouts by hand need: the mailbox that is told of a change of details, who approved in words, and past sweeps.

-- The account's address when the details were set; it is told of the next change, too.
alter table payout_details add column email text;

-- A member of the staff, or the operator of the command line.
alter table payouts
    add column approved_as text,
    add column second_as text,
    -- When it was handed to the bank; a payout that the creator cancels has not been.
    add column exported_at timestamptz;

-- When the schedule asked for payouts: once in each period, whichever process does it.
create table payout_sweeps (
    id bigint generated always as identity primary key,
    -- The day that the schedule names; null: the operator asked.
    period date,
    requested integer not null,
    finished_at timestamptz not null,
    constraint payout_sweeps_period_key unique (period)
);
