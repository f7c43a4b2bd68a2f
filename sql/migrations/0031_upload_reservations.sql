-- expand
-- Bytes that uploads in progress take, so that several at once cannot exceed a quota. Without an owner: of guests.
create table upload_reservations (
    id bigint generated always as identity,
    owner_id bigint references accounts on delete cascade,
    size bigint not null,
    -- A reservation that was not touched for some minutes is of a process that ended, and counts no more.
    touched_at timestamptz not null,
    constraint upload_reservations_pkey primary key (id),
    constraint upload_reservations_size_check check (size >= 0)
);

create index upload_reservations_owner_idx on upload_reservations (owner_id);

-- Pictures of guests end some time after they were sent, and then leave their orders.
alter table order_pictures
    drop constraint order_pictures_file_id_fkey,
    add constraint order_pictures_file_id_fkey foreign key (file_id) references files on delete cascade;

create index files_guest_idx on files (uploaded_at) where owner_id is null;
