-- name: add_review
insert into reviews (order_id, creator_id, service_id, author_id, rating, words, created_at, updated_at)
values (%(order_id)s, %(creator_id)s, %(service_id)s, %(author_id)s, %(rating)s, %(words)s, %(now)s, %(now)s)
returning id;

-- name: lock_review
select id from reviews where id = %(id)s for no key update;

-- name: set_reply
-- The first reply, or its correction.
update reviews set
    reply = %(words)s,
    reply_edited_at = case when replied_at is not null then %(now)s::timestamptz end,
    replied_at = coalesce(replied_at, %(now)s),
    updated_at = %(now)s
where id = %(id)s;

-- name: set_hidden
update reviews set hidden_at = case when %(is_hidden)s then %(now)s::timestamptz end, updated_at = %(now)s
where id = %(id)s;

-- name: reviews
-- One review, hidden or not, or a page of a creator's or a service's, newest first, cut from its index before anything is
-- joined to it. A null id matches nothing, so the parameters select one branch.
with page as (
    select * from reviews where id = %(id)s
    union all
    (select * from reviews where creator_id = %(creator_id)s and hidden_at is null
     order by created_at desc, id desc limit %(limit)s offset %(offset)s)
    union all
    (select * from reviews where service_id = %(service_id)s and hidden_at is null
     order by created_at desc, id desc limit %(limit)s offset %(offset)s)
)
select page.id, page.order_id, page.service_id, services.title as service_title, page.creator_id,
    creators.account_id as creator_account_id,
    coalesce(nullif(concat_ws(' ', nullif(star.first_name, ''), nullif(star.last_name, '')), ''), star.username)
        as creator_name,
    page.author_id, author.username, case when author.avatar_id is not null then author.avatar_key end as avatar_key,
    page.rating, page.words, page.reply, page.replied_at, page.reply_edited_at, page.hidden_at is not null as is_hidden,
    page.created_at, page.updated_at
from page
join services on services.id = page.service_id
join creators on creators.id = page.creator_id
join accounts star on star.id = creators.account_id
join accounts author on author.id = page.author_id
order by page.created_at desc, page.id desc;

-- name: count_of_creator
select count(*) from reviews where creator_id = %(id)s and hidden_at is null;

-- name: count_of_service
select count(*) from reviews where service_id = %(id)s and hidden_at is null;

-- name: creator_is_shown
select exists (
    select from creators join accounts on accounts.id = creators.account_id
    where creators.id = %(id)s and accounts.is_active
);

-- name: service_is_shown
select exists (select from services where id = %(id)s and is_active);

-- name: rating_differences
-- Grouped once, not once per creator.
with facts as (
    select creator_id, sum(rating) as rating_sum, count(*) as rating_count
    from (
        select creator_id, rating from creator_votes
        union all
        select creator_id, rating from reviews where hidden_at is null
    ) ratings
    group by creator_id
)
select creators.id, fact.what, fact.stored, fact.counted
from creators
left join facts on facts.creator_id = creators.id
cross join lateral (values
    ('rating_sum', creators.rating_sum, coalesce(facts.rating_sum, 0)),
    ('rating_count', creators.rating_count, coalesce(facts.rating_count, 0))
) as fact (what, stored, counted)
where fact.stored <> fact.counted
order by creators.id, fact.what
limit %(limit)s;

-- name: order_differences
-- An order has `reviewed_at` exactly if it has a review.
select orders.id, 'reviews' as what, (orders.reviewed_at is not null)::integer as stored,
    (reviews.id is not null)::integer as counted
from orders left join reviews on reviews.order_id = orders.id
where (orders.reviewed_at is not null) <> (reviews.id is not null)
order by orders.id
limit %(limit)s;

-- name: export_reviews_written
select id, order_id, service_id, rating, words, created_at, updated_at from reviews
where author_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: export_reviews_received
select reviews.id, order_id, service_id, reviews.rating, words, reply, replied_at, reviews.created_at
from reviews join creators on creators.id = reviews.creator_id
where creators.account_id = %(account_id)s and reviews.id > %(after)s order by reviews.id limit %(limit)s;

-- name: erase_reviews
-- A review stays under the number, for the creator and later buyers.
update reviews set words = redacted(words, %(names)s::text[], %(alias)s)
where author_id = %(account_id)s and mentions(words, %(names)s::text[]);

-- name: erase_replies
update reviews set words = redacted(words, %(names)s::text[], %(alias)s), reply = case when reply is not null then '' end
where creator_id = (select id from creators where account_id = %(account_id)s)
    and (reply is not null or mentions(words, %(names)s::text[]));
