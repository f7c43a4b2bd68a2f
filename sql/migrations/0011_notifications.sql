-- expand
-- What people are told, and what they want to be told by mail.

-- One per person, made with the first notification or setting.
create table notification_boxes (
    account_id bigint primary key references accounts on delete cascade,
    -- Of the newest notification. Given out under this row's lock, so that one person's ids become visible in their
    -- order: who has seen one can ask for what follows it and misses nothing.
    last_id bigint not null default 0,
    -- Old notifications up to this id are gone: a replay from before it has holes.
    forgotten_id bigint not null default 0,
    by_mail boolean not null default true
);

-- No default: an id is given out by a box and by nothing else.
create sequence notification_ids;
create table notifications (
    id bigint primary key,
    account_id bigint not null references accounts on delete cascade,
    -- A kind, not a sentence: the words are made for whoever reads, in their language, of the kind and the data.
    kind text not null,
    data jsonb not null default '{}',
    -- What it is about: ("order", 17), ("conversation", 5).
    subject text not null,
    subject_id bigint not null,
    created_at timestamptz not null,
    read_at timestamptz,
    -- When a mail shall tell of it, unless it is read before. Null: told by mail already, or not worth one.
    mail_at timestamptz,
    constraint notifications_mail_check check (read_at is null or mail_at is null)
);
alter sequence notification_ids owned by notifications.id;

-- A person's list, all of it, what is unread, what is read.
create index notifications_account_idx on notifications (account_id, id desc);
create index notifications_unread_idx on notifications (account_id, id desc) where read_at is null;
create index notifications_read_idx on notifications (account_id, id desc) where read_at is not null;
-- Ten unread messages of one conversation are one piece of news.
create unique index notifications_waiting_message_key on notifications (account_id, subject_id)
    where kind = 'message' and read_at is null;
create index notifications_message_idx on notifications (account_id, subject_id, id desc) where kind = 'message';
-- What falls due, and what is old.
create index notifications_mail_idx on notifications (mail_at) where mail_at is not null;
create index notifications_old_idx on notifications (read_at) where read_at is not null;
