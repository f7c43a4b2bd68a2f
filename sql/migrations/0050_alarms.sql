-- expand
-- Alarms of the installation, when each was seen, opened, mailed and closed; the silences of an owner; and what commands found.

create table alarms (
    id bigint generated always as identity primary key,
    kind text not null,
    -- Of which one of several, such as a topic of the outbox.
    subject text not null default '',
    value double precision not null,
    note text not null default '',
    began_at timestamptz not null,
    seen_at timestamptz not null,
    -- Null while it has not lasted long enough.
    opened_at timestamptz,
    -- Null while nobody was told.
    mailed_at timestamptz,
    closed_at timestamptz,
    constraint alarms_closed_check check (closed_at is null or opened_at is not null),
    constraint alarms_mailed_check check (mailed_at is null or opened_at is not null)
);
create unique index alarms_current_key on alarms (kind, subject) where closed_at is null;
create index alarms_mailed_idx on alarms (kind, subject, mailed_at);
create index alarms_closed_idx on alarms (closed_at) where closed_at is not null;

create table alarm_silences (
    kind text not null,
    subject text not null,
    silenced_until timestamptz not null,
    constraint alarm_silences_pkey primary key (kind, subject)
);

-- The last run of each command: backup, check, reconciliations.
create table health_marks (
    name text not null,
    marked_at timestamptz not null,
    problems integer not null,
    constraint health_marks_pkey primary key (name)
);
