-- expand
-- Creators, who are the stars of the greetings dialect, and what people think of them.

create table creators (
    id bigint generated always as identity primary key,
    account_id bigint not null references accounts on delete cascade,
    profession text not null default '',
    description text not null default '',
    specialization text not null default '',
    experience text not null default '',
    portfolio_link text not null default '',
    social_links jsonb not null default '{}',
    -- Shown among the first ten of the greetings front page.
    is_top boolean not null default false,
    video_id bigint references files on delete set null,
    -- Sum and count of all votes and reviews; the mean follows from them, so it cannot drift.
    rating_sum bigint not null default 0,
    rating_count bigint not null default 0,
    rating numeric(3, 2) not null generated always as (
        case when rating_count = 0 then 0 else round(rating_sum::numeric / rating_count, 2) end
    ) stored,
    likes_count bigint not null default 0,
    completed_orders bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint creators_account_key unique (account_id),
    constraint creators_rating_check check (rating_count >= 0 and rating_sum between rating_count and rating_count * 5),
    constraint creators_likes_check check (likes_count >= 0),
    constraint creators_completed_check check (completed_orders >= 0)
);
create index creators_video_idx on creators (video_id) where video_id is not null;
-- The star lists, best first.
create index creators_best_idx on creators (is_top desc, rating desc, id);

create table creator_votes (
    creator_id bigint not null references creators on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    rating smallint not null,
    created_at timestamptz not null default now(),
    constraint creator_votes_pkey primary key (creator_id, account_id),
    constraint creator_votes_rating_check check (rating between 1 and 5)
);
create index creator_votes_account_idx on creator_votes (account_id);

create table creator_likes (
    creator_id bigint not null references creators on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    created_at timestamptz not null default now(),
    constraint creator_likes_pkey primary key (creator_id, account_id)
);
create index creator_likes_account_idx on creator_likes (account_id);

create table creator_favourites (
    creator_id bigint not null references creators on delete cascade,
    account_id bigint not null references accounts on delete cascade,
    created_at timestamptz not null default now(),
    constraint creator_favourites_pkey primary key (creator_id, account_id)
);
create index creator_favourites_account_idx on creator_favourites (account_id, created_at desc);
