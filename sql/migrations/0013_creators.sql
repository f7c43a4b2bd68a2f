-- expand
-- What creators can do, and what they have done: skills and portfolios.

create extension if not exists pg_trgm;

create table skills (
    id bigint generated always as identity primary key,
    name text not null,
    -- Case-folded: "Photoshop" and "photoshop" are one skill. Lists are in its order.
    key text not null,
    description text not null default '',
    -- Name and description, case-folded: what a search looks into, for any part of a word.
    words text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint skills_key_key unique (key)
);
create index skills_words_idx on skills using gin (words gin_trgm_ops);

create table creator_skills (
    id bigint generated always as identity primary key,
    creator_id bigint not null references creators on delete cascade,
    -- A skill that somebody has is not deleted behind their back.
    skill_id bigint not null references skills on delete restrict,
    level smallint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint creator_skills_skill_key unique (creator_id, skill_id),
    constraint creator_skills_level_check check (level between 1 and 5)
);
create index creator_skills_creator_idx on creator_skills (creator_id, id);
create index creator_skills_skill_idx on creator_skills (skill_id);

create table portfolio_items (
    id bigint generated always as identity primary key,
    creator_id bigint not null references creators on delete cascade,
    title text not null,
    description text not null default '',
    external_url text not null default '',
    cover_id bigint references files on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index portfolio_items_creator_idx on portfolio_items (creator_id, created_at desc, id desc);
create index portfolio_items_cover_idx on portfolio_items (cover_id) where cover_id is not null;

create table portfolio_images (
    id bigint generated always as identity primary key,
    item_id bigint not null references portfolio_items on delete cascade,
    file_id bigint not null references files on delete cascade,
    caption text not null default '',
    -- "order" on the wire. Two may share a place: the older one comes first.
    position integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint portfolio_images_file_key unique (file_id)
);
create index portfolio_images_item_idx on portfolio_images (item_id, position, id);
