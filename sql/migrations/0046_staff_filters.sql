-- expand
-- Filters of lists of the panel that a member of the staff has given a name.

create table staff_filters (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    list text not null,
    name text not null,
    -- The query string, as the list itself writes it.
    query text not null,
    constraint staff_filters_name_key unique (account_id, list, name),
    constraint staff_filters_length_check check (char_length(name) <= 60 and char_length(query) <= 1000)
);
