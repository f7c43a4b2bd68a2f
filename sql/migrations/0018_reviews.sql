-- expand
-- What buyers say about completed orders, and what creators answer.

create table reviews (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders on delete restrict,
    -- Of the order, which never changes them: lists are read by them without a join.
    creator_id bigint not null references creators on delete cascade,
    service_id bigint not null references services on delete cascade,
    author_id bigint not null references accounts on delete cascade,
    rating smallint not null,
    words text not null,
    reply text,
    replied_at timestamptz,
    -- An answer is corrected once.
    reply_edited_at timestamptz,
    -- Set by staff: it is not shown and does not count.
    hidden_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint reviews_order_key unique (order_id),
    constraint reviews_rating_check check (rating between 1 and 5),
    constraint reviews_reply_check check ((reply is null) = (replied_at is null))
);
create index reviews_creator_idx on reviews (creator_id, created_at desc, id desc) where hidden_at is null;
create index reviews_service_idx on reviews (service_id, created_at desc, id desc) where hidden_at is null;
create index reviews_author_idx on reviews (author_id);
