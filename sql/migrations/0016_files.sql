-- expand
-- What a film is, told by itself; and keys of requests that guests repeat.

alter table files
    -- Of films: how long, how large on the screen, in which coding.
    add column duration_ms bigint,
    add column width integer,
    add column height integer,
    add column codec text,
    add constraint files_duration_ms_check check (duration_ms >= 0),
    add constraint files_width_check check (width > 0),
    add constraint files_height_check check (height > 0);

-- A guest has no account; his key is known by itself. It replaces the primary key, which holds no nulls.
alter table idempotency_keys drop constraint idempotency_keys_pkey;
alter table idempotency_keys alter column account_id drop not null;
create unique index idempotency_keys_key_idx on idempotency_keys (key, coalesce(account_id, 0));
-- For the day an account is deleted.
create index idempotency_keys_account_idx on idempotency_keys (account_id);
