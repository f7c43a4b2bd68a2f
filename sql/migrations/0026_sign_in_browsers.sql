-- contract
-- An attempt belongs to the browser with its cookie, or, without one, to the client with its address and User-Agent.
-- Attempts live for ten minutes; those that are open now have to be started again.

delete from sign_in_attempts where used_at is null;
alter table sign_in_attempts
    add column channel text not null default 'identity',
    -- SHA-256 of the cookie, and of address and User-Agent.
    add column browser bytea not null default '',
    add column client bytea not null default '',
    add column has_pkce boolean not null default false;
alter table sign_in_attempts
    alter column channel drop default,
    alter column browser drop default,
    alter column client drop default,
    alter column has_pkce drop default;
create index sign_in_attempts_browser_idx on sign_in_attempts (browser, provider) where used_at is null;
create index sign_in_attempts_client_idx on sign_in_attempts (client, provider) where used_at is null;
