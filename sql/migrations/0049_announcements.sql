-- expand
-- Announcements to people of a kind: sent in the background, by account in the order of their ids.

create table announcements (
    id bigint generated always as identity primary key,
    -- Made with the preview: sent twice, the form is one announcement.
    key text not null,
    audience text not null,
    -- Subject and text by language.
    texts jsonb not null,
    by_mail boolean not null,
    author_id bigint references accounts on delete set null,
    created_at timestamptz not null,
    -- Accounts up to this id have it.
    last_account_id bigint not null default 0,
    notified integer not null default 0,
    mailed integer not null default 0,
    finished_at timestamptz,
    -- By staff, before everybody had it.
    stopped_at timestamptz,
    constraint announcements_key unique (key),
    constraint announcements_audience_check check (audience in ('everybody', 'buyers', 'creators', 'staff'))
);
create index announcements_open_idx on announcements (id) where finished_at is null and stopped_at is null;
create index announcements_author_idx on announcements (author_id);
