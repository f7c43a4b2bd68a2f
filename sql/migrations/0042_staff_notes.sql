-- expand
-- What staff write to each other about orders, people and services. No user reads them; see D76.

create table staff_notes (
    id bigint generated always as identity primary key,
    -- What it is about: one of the three.
    order_id bigint references orders on delete cascade,
    account_id bigint references accounts on delete cascade,
    service_id bigint references services on delete cascade,
    -- The accounts that it concerns: the person, the parties of the order, the creator of the service.
    people bigint[] not null,
    author_id bigint not null references accounts,
    text text not null,
    created_at timestamptz not null,
    constraint staff_notes_subject_check check (num_nonnulls(order_id, account_id, service_id) = 1),
    constraint staff_notes_text_check check (char_length(text) <= 4000)
);
create index staff_notes_order_idx on staff_notes (order_id, id) where order_id is not null;
create index staff_notes_account_idx on staff_notes (account_id, id) where account_id is not null;
create index staff_notes_service_idx on staff_notes (service_id, id) where service_id is not null;
create index staff_notes_author_register_idx on staff_notes (author_id, created_at, id);
create index staff_notes_created_register_idx on staff_notes (created_at, id);
create index staff_notes_people_idx on staff_notes using gin (people);

-- Notes are only added. The erasure of a person may replace the text; a row goes only with what it is about.
create function staff_notes_are_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and pg_trigger_depth() > 1 then
        return old;
    end if;
    if tg_op = 'UPDATE' and to_jsonb(new) - 'text' = to_jsonb(old) - 'text' then
        return new;
    end if;
    raise exception 'notes of the staff are never changed or removed'
        using errcode = 'check_violation', constraint = 'staff_notes_append_only';
end
$$;
create trigger staff_notes_append_only before update or delete on staff_notes
    for each row execute function staff_notes_are_append_only();
