-- expand
-- What happened, for whoever has to find out later: rows are only ever added, and every row seals the one before it.
--
-- The rows form many chains instead of one. Whoever writes takes the first chain that nobody is writing to, so no
-- sign-in waits for another; when little happens, everything is in chain 1.

create table audit_entries (
    chain integer not null,
    -- 1, 2, 3 … inside the chain, without gaps.
    number bigint not null,
    id bigint generated always as identity,
    at timestamptz not null,
    act text not null,
    -- Who did it and whom or what it concerns ("account:7", "order:12"). Plain numbers: it outlives both.
    actor_id bigint,
    subject text not null,
    address text not null,
    details jsonb not null,
    -- SHA-256 of the hash before it and of everything above but the id.
    hash bytea not null,
    constraint audit_entries_pkey primary key (id),
    constraint audit_entries_place_key unique (chain, number),
    constraint audit_entries_length_check check (
        length(act) <= 60 and length(subject) <= 60 and length(address) <= 60 and length(details::text) <= 2000)
);
create index audit_entries_act_idx on audit_entries (act, id desc);
create index audit_entries_actor_idx on audit_entries (actor_id, id desc);
create index audit_entries_subject_idx on audit_entries (subject, id desc);
create index audit_entries_at_idx on audit_entries (at desc, id desc);

-- How far each chain got. The seal is made with the service's secret key, so nobody who has only the database can make
-- one for a shortened or rewritten chain.
create table audit_heads (
    chain integer primary key,
    length bigint not null default 0,
    hash bytea not null default '',
    seal text not null default ''
) with (fillfactor = 50);
insert into audit_heads (chain) select generate_series(1, 128);

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'audit entries are never changed or removed'
        using errcode = 'check_violation', constraint = 'audit_append_only';
end
$$;
create trigger audit_append_only before update or delete or truncate on audit_entries
    for each statement execute function audit_is_append_only();
create trigger audit_heads_stay before delete or truncate on audit_heads
    for each statement execute function audit_is_append_only();
revoke update, delete, truncate on audit_entries from public;
revoke delete, truncate on audit_heads from public;
