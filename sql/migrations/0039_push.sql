-- expand
-- Web push: where browsers listen, and what waits to be pushed to whom.

-- Made with an account's first subscription.
create table push_accounts (
    account_id bigint primary key references accounts on delete cascade,
    -- Notifications up to this id were pushed, or came before the first subscription.
    pushed_id bigint not null default 0,
    -- Set with every notification, under this row's lock; cleared when everything up to then is in the outbox.
    due_at timestamptz,
    -- Kinds of notifications that are not pushed.
    muted text[] not null default '{}'
);
create index push_accounts_due_idx on push_accounts (due_at) where due_at is not null;

create table push_subscriptions (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    -- A device that was signed out is told nothing more.
    session_id uuid not null references sessions on delete cascade,
    endpoint text not null,
    p256dh text not null,
    auth text not null,
    user_agent text not null default '',
    created_at timestamptz not null,
    -- A browser has one address; whoever signs in there last is told.
    constraint push_subscriptions_endpoint_key unique (endpoint)
);
create index push_subscriptions_account_idx on push_subscriptions (account_id, id);
create index push_subscriptions_session_idx on push_subscriptions (session_id);
