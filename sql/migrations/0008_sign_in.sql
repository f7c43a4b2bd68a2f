-- expand
-- Signing in through providers: who is who there, and the attempts that are under way.

create table provider_identities (
    -- Who vouches for the subject: both kinds of VK know people by the same ids, so both are 'vk' here.
    issuer text not null,
    subject text not null,
    account_id bigint not null references accounts on delete cascade,
    created_at timestamptz not null default now(),
    constraint provider_identities_pkey primary key (issuer, subject),
    constraint provider_identities_issuer_check check (issuer in ('yandex', 'vk', 'mailru'))
);
create index provider_identities_account_idx on provider_identities (account_id);

create table sign_in_attempts (
    id bigint generated always as identity primary key,
    -- SHA-256 of the state: a stolen copy of the table finishes no attempt.
    digest bytea not null,
    provider text not null,
    -- PKCE (RFC 7636); the provider is shown its hash first and this at the exchange.
    verifier text not null,
    -- Repeated at the exchange to the letter (RFC 6749, 4.1.3).
    redirect_url text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    -- SHA-256 of the access token that the attempt brought: whoever shows it shows a token made for us.
    token_digest bytea,
    token_until timestamptz,
    constraint sign_in_attempts_digest_key unique (digest),
    constraint sign_in_attempts_provider_check check (provider in ('yandex', 'vk', 'vk_legacy', 'mailru'))
);
create index sign_in_attempts_token_idx on sign_in_attempts (token_digest) where token_digest is not null;
create index sign_in_attempts_over_idx on sign_in_attempts ((greatest(expires_at, token_until)));
