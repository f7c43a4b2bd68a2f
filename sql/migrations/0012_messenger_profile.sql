-- expand
-- What people of the messenger say about themselves, and the small copies of everybody's pictures.

alter table accounts
    add column status text not null default '',
    add constraint accounts_status_check check (char_length(status) <= 30);

-- Copies live and go with their file; who may open it may open them.
create table file_copies (
    key text primary key,
    file_id bigint not null references files on delete cascade,
    -- Pixels of a side of the square that the copy was made for.
    side integer not null,
    content_type text not null,
    size bigint not null,
    sha256 bytea not null,
    constraint file_copies_file_key unique (file_id, side),
    constraint file_copies_size_check check (size >= 0)
);
