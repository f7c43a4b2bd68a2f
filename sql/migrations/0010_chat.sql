-- expand
-- Conversations of two, their messages, and who wants to hear nothing from whom.

create table conversations (
    id bigint generated always as identity primary key,
    -- An unordered pair has one order only: the smaller id first. So two people have one conversation.
    low_id bigint not null references accounts on delete restrict,
    high_id bigint not null references accounts on delete restrict,
    -- Which of the two began it.
    starter_id bigint not null,
    -- Of the latest message; messages are numbered 1, 2, 3 … without gaps, so it counts them too.
    last_number integer not null default 0,
    -- Of the latest change of any sort: a message, an edit, a deletion, a read mark. Given out under this row's lock.
    position bigint not null default 0,
    -- How far each of the two has read, where in the log that was said, and how many messages of the other wait.
    low_read integer not null default 0,
    high_read integer not null default 0,
    low_read_position bigint not null default 0,
    high_read_position bigint not null default 0,
    low_unread integer not null default 0,
    high_unread integer not null default 0,
    created_at timestamptz not null default now(),
    -- When the latest message was sent, or the conversation made.
    active_at timestamptz not null default now(),
    constraint conversations_pair_key unique (low_id, high_id),
    constraint conversations_pair_check check (low_id < high_id),
    constraint conversations_starter_check check (starter_id in (low_id, high_id)),
    constraint conversations_read_check check (
        low_read between 0 and last_number and high_read between 0 and last_number),
    constraint conversations_unread_check check (low_unread >= 0 and high_unread >= 0)
);
-- Somebody's conversations, the liveliest first.
create index conversations_low_idx on conversations (low_id, active_at desc, id desc);
create index conversations_high_idx on conversations (high_id, active_at desc, id desc);

create table messages (
    id bigint generated always as identity primary key,
    conversation_id bigint not null references conversations on delete cascade,
    number integer not null,
    -- Where in the log the message was sent, and where it was last edited or deleted.
    position bigint not null,
    changed_position bigint,
    sender_id bigint not null references accounts on delete restrict,
    text text not null,
    answer_id bigint references messages on delete set null,
    -- The client's own name for the message: a repeated send finds the first one by it, for ever.
    client_id text,
    sent_at timestamptz not null,
    edited_at timestamptz,
    deleted_at timestamptz,
    constraint messages_number_key unique (conversation_id, number),
    -- Begins with the sender, so that it serves his foreign key too.
    constraint messages_client_key unique (sender_id, conversation_id, client_id),
    constraint messages_number_check check (number > 0),
    constraint messages_position_check check (changed_position > position),
    constraint messages_deleted_check check (deleted_at is null or text = '')
);
-- The log that sockets replay: what was sent after a position, and what was changed after it.
create index messages_position_idx on messages (conversation_id, position);
create index messages_changed_idx on messages (conversation_id, changed_position) where changed_position is not null;
create index messages_answer_idx on messages (answer_id) where answer_id is not null;

create table message_files (
    message_id bigint not null references messages on delete cascade,
    file_id bigint not null references files on delete cascade,
    -- 1, 2, 3 … in the order that the sender chose.
    place integer not null,
    constraint message_files_pkey primary key (message_id, file_id)
);
create index message_files_file_idx on message_files (file_id);

-- The blocked person cannot write to the blocker, nor the other way round until the block is lifted.
create table chat_blocks (
    blocker_id bigint not null references accounts on delete cascade,
    blocked_id bigint not null references accounts on delete cascade,
    created_at timestamptz not null default now(),
    constraint chat_blocks_pkey primary key (blocker_id, blocked_id),
    constraint chat_blocks_self_check check (blocker_id <> blocked_id)
);
create index chat_blocks_blocked_idx on chat_blocks (blocked_id);

-- A message with its sender and its files, as every reader sees it.
create view shown_messages as
select messages.id, messages.conversation_id, messages.number, messages.position, messages.changed_position,
    messages.sender_id, accounts.username, case when accounts.avatar_id is not null then accounts.avatar_key end as avatar,
    messages.text, messages.answer_id, messages.client_id, messages.sent_at, messages.edited_at, messages.deleted_at,
    (
        select jsonb_agg(
            jsonb_build_object('id', files.id, 'name', files.name, 'size', files.size, 'content_type', files.content_type,
                'key', files.key)
            order by message_files.place)
        from message_files join files on files.id = message_files.file_id
        where message_files.message_id = messages.id
    ) as files
from messages join accounts on accounts.id = messages.sender_id;
