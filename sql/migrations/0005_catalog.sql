-- expand
-- What creators sell. A greeting is a service of a creator like any other; there is no second catalogue for stars.

create table categories (
    id bigint generated always as identity primary key,
    name text not null,
    photo_id bigint references files on delete set null,
    position integer not null default 0,
    created_at timestamptz not null default now(),
    constraint categories_name_key unique (name)
);

create table services (
    id bigint generated always as identity primary key,
    creator_id bigint not null references creators on delete cascade,
    kind text not null,
    category_id bigint references categories on delete restrict,
    title text not null,
    description text not null default '',
    -- Kopecks. A greeting exists as soon as its creator does and is for sale once it has a price and a category.
    base_price bigint,
    -- Kopecks: the price of the other kind of greeting, an invitation to an event.
    invitation_price bigint,
    delivery_days integer not null default 3,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint services_kind_check check (kind in ('greeting', 'service')),
    constraint services_base_price_check check (base_price > 0),
    constraint services_invitation_price_check check (invitation_price > 0),
    constraint services_delivery_days_check check (delivery_days between 0 and 365)
);
create unique index services_greeting_key on services (creator_id) where kind = 'greeting';
create index services_creator_idx on services (creator_id, created_at desc);
-- The star lists of the greetings dialect: all, or one category, best first.
create index services_greetings_idx on services (category_id, id)
    where kind = 'greeting' and is_active and base_price is not null;

create table tags (
    id bigint generated always as identity primary key,
    name text not null,
    -- Case-folded, so that "Хип-Хоп" and "хип-хоп" are one tag.
    key text not null,
    constraint tags_key_key unique (key)
);

create table service_tags (
    service_id bigint not null references services on delete cascade,
    tag_id bigint not null references tags on delete cascade,
    constraint service_tags_pkey primary key (service_id, tag_id)
);
create index service_tags_tag_idx on service_tags (tag_id, service_id);
