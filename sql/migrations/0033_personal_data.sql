-- expand
-- A person's data: copies that are asked for, accounts that are erased, and phones that somebody has proven.

alter table accounts
    -- When a sign-in provider or the staff vouched for the phone; null = nothing but the person's word.
    add column phone_verified_at timestamptz,
    -- Since when the row is nothing but a number.
    add column erased_at timestamptz,
    -- When an erasure that was asked for takes place; until then the services are not listed.
    add column erasure_due_at timestamptz;

create table data_exports (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    -- A member of the staff; null: the person, or the operator of the command line.
    requested_by bigint references accounts on delete set null,
    reason text not null default '',
    status text not null default 'waiting',
    -- Of the archive in the storage.
    key text,
    size bigint,
    -- SHA-256 of the token of the mailed link.
    digest bytea,
    link_expires_at timestamptz,
    -- A process that builds it prolongs its claim; that of a killed one runs out.
    claimed_until timestamptz,
    attempts integer not null default 0,
    created_at timestamptz not null,
    finished_at timestamptz,
    expires_at timestamptz,
    constraint data_exports_digest_key unique (digest),
    constraint data_exports_status_check check (status in ('waiting', 'ready', 'failed', 'expired'))
);
-- One at a time.
create unique index data_exports_waiting_key on data_exports (account_id) where status = 'waiting';
create index data_exports_account_idx on data_exports (account_id, id desc);
create index data_exports_requested_by_idx on data_exports (requested_by);
create index data_exports_due_idx on data_exports (id) where status = 'waiting';
create index data_exports_expired_idx on data_exports (expires_at) where status = 'ready';

create table erasures (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    requested_by bigint references accounts on delete set null,
    reason text not null default '',
    requested_at timestamptz not null,
    due_at timestamptz not null,
    -- SHA-256 of the token of the mailed link that withdraws the request.
    digest bytea not null,
    withdrawn_at timestamptz,
    erased_at timestamptz,
    -- Codes of what stood in the way when it fell due, of which the person was told.
    blocked_by text[] not null default '{}',
    constraint erasures_digest_key unique (digest)
);
create unique index erasures_open_key on erasures (account_id) where withdrawn_at is null and erased_at is null;
create index erasures_account_idx on erasures (account_id, id desc);
create index erasures_requested_by_idx on erasures (requested_by);
create index erasures_due_idx on erasures (due_at) where withdrawn_at is null and erased_at is null;

-- Bytes that the service keeps for a while, such as archives: of no quota, and not in backups.
create table temporary_files (
    key text primary key,
    size bigint not null,
    expires_at timestamptz not null
);
create index temporary_files_expired_idx on temporary_files (expires_at);

-- An entry whose details were replaced, because a person was erased, keeps its hash. Its new details are vouched for by
-- the entry with this place, which has their SHA-256.
alter table audit_entries
    add column redaction_chain integer,
    add column redaction_number bigint;

create function audit_entry_is_redacted() returns trigger language plpgsql as $$
begin
    if new.redaction_number is null
        or (new.redaction_chain, new.redaction_number) is not distinct from (old.redaction_chain, old.redaction_number)
        or (new.chain, new.number, new.id, new.at, new.act, new.actor_id, new.subject, new.address, new.hash)
            is distinct from (old.chain, old.number, old.id, old.at, old.act, old.actor_id, old.subject, old.address, old.hash)
    then
        raise exception 'audit entries are never changed or removed'
            using errcode = 'check_violation', constraint = 'audit_append_only';
    end if;
    return new;
end
$$;
drop trigger audit_append_only on audit_entries;
create trigger audit_append_only before delete or truncate on audit_entries
    for each statement execute function audit_is_append_only();
create trigger audit_redacted_only before update on audit_entries
    for each row execute function audit_entry_is_redacted();

-- The text with other words in place of these names, in any case, where they stand as whole words.
create function redacted(content text, names text[], replacement text) returns text language plpgsql immutable as $$
declare
    name text;
begin
    foreach name in array names loop
        content := regexp_replace(
            content, '(?<![[:alnum:]])' || regexp_replace(name, '([^[:alnum:][:space:]])', '\\\1', 'g') || '(?![[:alnum:]])',
            replacement, 'gi');
    end loop;
    return content;
end
$$;

-- Whether any of the names is in the text: cheaper than `redacted`, for rows of which few have any.
create function mentions(content text, names text[]) returns boolean language sql immutable as $$
    select exists (select from unnest(names) as name where strpos(lower(content), lower(name)) > 0)
$$;
