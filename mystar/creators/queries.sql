-- name: add
insert into creators (account_id, profession, description, created_at, updated_at)
values (%(account_id)s, %(profession)s, %(description)s, %(now)s, %(now)s)
returning *;

-- name: by_account
select * from creators where account_id = %(account_id)s;

-- name: is_creator
select exists (select 1 from creators where account_id = %(account_id)s);

-- name: lock_by_account
select * from creators where account_id = %(account_id)s for no key update;

-- name: add_vote
insert into creator_votes (creator_id, account_id, rating, created_at)
values (%(creator_id)s, %(account_id)s, %(rating)s, %(now)s);

-- name: count_rating
update creators set rating_sum = rating_sum + %(rating)s, rating_count = rating_count + 1 where id = %(creator_id)s;

-- name: add_like
insert into creator_likes (creator_id, account_id, created_at) values (%(creator_id)s, %(account_id)s, %(now)s);

-- name: count_like
update creators set likes_count = likes_count + 1 where id = %(creator_id)s;

-- name: add_favourite
insert into creator_favourites (creator_id, account_id, created_at)
values (%(creator_id)s, %(account_id)s, %(now)s)
on conflict do nothing;

-- name: remove_favourite
delete from creator_favourites where creator_id = %(creator_id)s and account_id = %(account_id)s;

-- name: set_video
update creators set video_id = %(video_id)s, updated_at = %(now)s where id = %(creator_id)s;

-- name: count_completed
update creators set completed_orders = completed_orders + 1 where id = %(creator_id)s;

-- name: differences
-- Grouped once per table, not once per creator.
with votes as (
    select creator_id, sum(rating) as rating_sum, count(*) as rating_count from creator_votes group by creator_id
), likes as (
    select creator_id, count(*) as likes_count from creator_likes group by creator_id
)
select c.id as creator_id, fact.what, fact.stored, fact.counted
from creators c
left join votes on votes.creator_id = c.id
left join likes on likes.creator_id = c.id
cross join lateral (values
    ('rating_sum', c.rating_sum, coalesce(votes.rating_sum, 0)),
    ('rating_count', c.rating_count, coalesce(votes.rating_count, 0)),
    ('likes_count', c.likes_count, coalesce(likes.likes_count, 0))
) as fact (what, stored, counted)
where fact.stored <> fact.counted
order by c.id, fact.what
limit %(most)s;
