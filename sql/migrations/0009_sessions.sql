-- expand
-- Refresh tokens that are exchanged for new ones: a session counts the generations of its refresh token.

alter table sessions
    -- Of the newest refresh token that was given out; 0 is the one of the log-in.
    add column generation integer not null default 0,
    -- Whether that token has been presented: from then on its predecessor is not needed any more.
    add column generation_used boolean not null default false,
    -- When the session last gave out an access token for a refresh token.
    add column refreshed_at timestamptz;

-- When a generation was exchanged for the next one. Kept only as long as a repetition of the exchange is harmless.
create table rotations (
    session_id uuid not null references sessions on delete cascade,
    generation integer not null,
    rotated_at timestamptz not null,
    constraint rotations_pkey primary key (session_id, generation)
);
