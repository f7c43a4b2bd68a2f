-- expand
-- How much work a creator takes, and when: one row for each creator who has said something of it.

create table creator_availability (
    creator_id bigint primary key references creators on delete cascade,
    -- Orders that are worked on at once; null = any number.
    max_open_orders integer,
    -- Days before the work on a new order begins: they are added to the delivery time.
    lead_days integer not null default 0,
    -- Kept for the catalogue: as many orders are open as are taken, and today is inside an absence.
    is_full boolean not null default false,
    is_away boolean not null default false,
    updated_at timestamptz not null default now(),
    constraint creator_availability_max_check check (max_open_orders between 1 and 1000),
    constraint creator_availability_lead_check check (lead_days between 0 and 90)
);
create index creator_availability_unavailable_idx on creator_availability (creator_id) where is_full or is_away;

create table creator_absences (
    id bigint generated always as identity primary key,
    creator_id bigint not null references creators on delete cascade,
    -- Both days are inside.
    starts_on date not null,
    ends_on date not null,
    created_at timestamptz not null default now(),
    constraint creator_absences_days_check check (ends_on between starts_on and starts_on + 366)
);
create index creator_absences_creator_idx on creator_absences (creator_id, ends_on);
create index creator_absences_days_idx on creator_absences (ends_on, starts_on);
