-- expand
-- People, their sessions and the single-use links that are mailed to them.

create table accounts (
    id bigint generated always as identity primary key,
    username text not null,
    -- Case-folded copies decide uniqueness, so that it does not depend on the locale of the server.
    username_key text not null,
    email text,
    email_key text,
    -- E.164 ("+79161234567"); null when the person gave none.
    phone text,
    password_hash text,
    first_name text not null default '',
    last_name text not null default '',
    bio text not null default '',
    birth_date date,
    -- References files, which come later: the constraint is added there.
    avatar_id bigint,
    -- A copy of files.key, so that showing a person needs no join upwards; means nothing once avatar_id is null.
    avatar_key text,
    language text not null default 'ru',
    role text,
    is_active boolean not null default true,
    email_verified_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint accounts_username_key unique (username_key),
    constraint accounts_email_key unique (email_key),
    constraint accounts_phone_key unique (phone),
    constraint accounts_language_check check (language in ('ru', 'en')),
    constraint accounts_role_check check (role in ('viewer', 'operator', 'owner'))
);

create table sessions (
    id uuid primary key,
    account_id bigint not null references accounts on delete cascade,
    door text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    ended_at timestamptz,
    end_reason text,
    user_agent text not null default '',
    address text not null default ''
);
create index sessions_living_idx on sessions (account_id, created_at desc) where ended_at is null;
create index sessions_expired_idx on sessions (expires_at);
create index sessions_ended_idx on sessions (ended_at) where ended_at is not null;

create table mailed_tokens (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    purpose text not null,
    -- SHA-256 of the token: a stolen copy of the table opens nothing.
    digest bytea not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint mailed_tokens_digest_key unique (digest),
    constraint mailed_tokens_purpose_check check (purpose in ('confirm_email', 'reset_password'))
);
create index mailed_tokens_account_idx on mailed_tokens (account_id, purpose);
create index mailed_tokens_expired_idx on mailed_tokens (expires_at);
