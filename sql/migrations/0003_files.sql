-- expand
-- Uploaded files. The bytes live in the storage under `key`; a row without bytes or bytes without a row is an orphan.

create table files (
    id bigint generated always as identity primary key,
    owner_id bigint not null references accounts on delete cascade,
    -- The path behind /media/, for example avatars/5f0c….jpeg
    key text not null,
    kind text not null,
    name text not null,
    content_type text not null,
    size bigint not null,
    sha256 bytea not null,
    is_public boolean not null default false,
    uploaded_at timestamptz not null default now(),
    -- Set when something refers to the file; what nobody attaches is swept away.
    attached_at timestamptz,
    constraint files_key_key unique (key),
    constraint files_kind_check check (kind in ('avatar', 'image', 'video', 'other')),
    constraint files_size_check check (size >= 0)
);
-- Carries the size, so that a person's total is summed without touching the table.
create index files_owner_idx on files (owner_id, uploaded_at desc, id desc) include (size);
create index files_unattached_idx on files (uploaded_at) where attached_at is null;

-- Who may open a private file besides its owner and staff.
create table file_readers (
    file_id bigint not null references files on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    constraint file_readers_pkey primary key (file_id, account_id)
);
create index file_readers_account_idx on file_readers (account_id);

-- Bytes whose row is gone; a task removes them from the storage and then forgets the key.
create table discarded_files (
    key text primary key,
    discarded_at timestamptz not null default now()
);

alter table accounts
    add constraint accounts_avatar_fkey foreign key (avatar_id) references files on delete set null;
create index accounts_avatar_idx on accounts (avatar_id) where avatar_id is not null;
