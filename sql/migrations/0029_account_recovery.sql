-- contract
-- What protects an account from somebody who was let in once: step-up, revocable devices, changes that can be undone.

-- When the session's person last gave a password or came from a provider.
alter table sessions add column authenticated_at timestamptz;
update sessions set authenticated_at = created_at;
alter table sessions alter column authenticated_at set not null;

alter table provider_identities add column id bigint generated always as identity;
alter table provider_identities add constraint provider_identities_id_key unique (id);

alter table accounts
    -- Cookies of devices that were given out before are not recognized.
    add column devices_revoked_at timestamptz,
    -- The network of the registration, until its e-mail is confirmed.
    add column unconfirmed_from text;

-- Changes of e-mail and phone that the owner of the confirmed e-mail can undo for some days.
create table contact_changes (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    field text not null,
    old_value text,
    -- SHA-256 of the token of the mailed link.
    digest bytea not null,
    changed_at timestamptz not null,
    expires_at timestamptz not null,
    undone_at timestamptz,
    constraint contact_changes_field_check check (field in ('email', 'phone')),
    constraint contact_changes_digest_key unique (digest)
);
create index contact_changes_account_idx on contact_changes (account_id, expires_at) where undone_at is null;
create index contact_changes_expired_idx on contact_changes (expires_at);
