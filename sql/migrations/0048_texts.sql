-- expand
-- Texts of mails that the owner has changed: every version, never edited; the latest one of a name holds.

create table text_versions (
    id bigint generated always as identity primary key,
    name text not null,
    -- By language, then by part; null = the built-in text again.
    parts jsonb,
    author_id bigint references accounts on delete set null,
    created_at timestamptz not null,
    constraint text_versions_parts_check check (jsonb_typeof(parts) = 'object')
);
create index text_versions_name_idx on text_versions (name, id);
create index text_versions_author_idx on text_versions (author_id);
