-- expand
-- Uploads in progress and files that are being decoded, where several processes share the database: so many of a person
-- at a time. A turn that is not extended any more, as of a process that was killed, ends by itself.
create table upload_turns (
    id bigint generated always as identity,
    kind text not null,
    -- An account, or the network of a guest.
    person text not null,
    expires_at timestamptz not null,
    constraint upload_turns_pkey primary key (id),
    constraint upload_turns_kind_check check (kind in ('upload', 'decode'))
);

create index upload_turns_person_idx on upload_turns (person, kind);
