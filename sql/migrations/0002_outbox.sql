-- expand
-- What must reach the outside world: a row is written in the transaction that causes it and sent by a background task.

create table outbox (
    id bigint generated always as identity primary key,
    topic text not null,
    -- Names the deed inside its topic ("payment:17:capture"); a second row of the same name is the same deed.
    name text,
    -- Sent to the other side with every attempt, so that it can recognise a repetition.
    idempotency_key uuid not null default gen_random_uuid(),
    payload jsonb not null,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    claimed_until timestamptz,
    done_at timestamptz,
    failed_at timestamptz,
    last_error text,
    created_at timestamptz not null default now(),
    constraint outbox_name_key unique (topic, name)
);
create index outbox_due_idx on outbox (topic, next_attempt_at, id) where done_at is null and failed_at is null;
create index outbox_failed_idx on outbox (failed_at desc) where failed_at is not null;
create index outbox_done_idx on outbox (done_at) where done_at is not null;

-- The first answer to a request that carried an Idempotency-Key, kept for its repetitions.
create table idempotency_keys (
    account_id bigint not null references accounts on delete cascade,
    key text not null,
    fingerprint bytea not null,
    status integer,
    body bytea,
    content_type text,
    created_at timestamptz not null default now(),
    constraint idempotency_keys_pkey primary key (account_id, key)
);
create index idempotency_keys_created_idx on idempotency_keys (created_at);
