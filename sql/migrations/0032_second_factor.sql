-- expand
-- Second factors: TOTP secrets, passkeys, recovery codes, and the short-lived challenges that they answer.

-- Whether a log-in asks for a factor; stored with the account, so that it is read with it.
alter table accounts add column has_second_factor boolean not null default false;

create table second_factors (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    kind text not null,
    name text not null,
    -- The TOTP secret or the public key of the passkey, encrypted together with the account's id.
    sealed bytea not null,
    -- The time step of the last accepted TOTP code: a code is accepted once.
    last_step bigint,
    credential_id bytea,
    -- The account's handle at its authenticators: random, the same for all of its passkeys.
    user_handle bytea,
    -- Signatures that the authenticator has counted; 0 = it does not count.
    sign_count bigint,
    transports text[],
    created_at timestamptz not null,
    last_used_at timestamptz,
    constraint second_factors_kind_check check (kind in ('totp', 'passkey')),
    constraint second_factors_passkey_check check (
        kind <> 'passkey' or (credential_id is not null and user_handle is not null and sign_count is not null)
    ),
    constraint second_factors_credential_key unique (credential_id)
);
create index second_factors_account_idx on second_factors (account_id, id);
create unique index second_factors_totp_key on second_factors (account_id) where kind = 'totp';

create table recovery_codes (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    -- HMAC of account and code under a key that the database does not have.
    digest text not null,
    created_at timestamptz not null,
    used_at timestamptz
);
create index recovery_codes_account_idx on recovery_codes (account_id);

create table factor_challenges (
    -- SHA-256 of the token that the client has.
    digest bytea primary key,
    purpose text not null,
    -- Null: a sign-in with a passkey alone, whose account is not known yet.
    account_id bigint references accounts on delete cascade,
    -- The session that enrols a factor or confirms an action; null for sign-ins.
    session_id uuid,
    -- The dialect of a sign-in.
    channel text,
    -- A TOTP secret whose first code has not come yet, encrypted.
    sealed bytea,
    tries integer not null default 0,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    constraint factor_challenges_purpose_check
        check (purpose in ('sign_in', 'passkey_sign_in', 'totp', 'passkey', 'step_up'))
);
create index factor_challenges_account_idx on factor_challenges (account_id);
create index factor_challenges_expired_idx on factor_challenges (expires_at);
