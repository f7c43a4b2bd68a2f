-- name: add
insert into creators (account_id, profession, description, created_at, updated_at)
values (%(account_id)s, %(profession)s, %(description)s, %(now)s, %(now)s)
returning *;

-- name: by_account
-- plan: generic
select * from creators where account_id = %(account_id)s;

-- name: is_creator
select exists (select 1 from creators where account_id = %(account_id)s);

-- name: lock_by_account
select * from creators where account_id = %(account_id)s for no key update;

-- name: has_blocked
select has_blocked(%(blocker_id)s::bigint, %(blocked_id)s::bigint);

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

-- name: count_review
-- A review counts, or does not count any more: `times` is 1 or -1.
update creators
set rating_sum = rating_sum + %(times)s::integer * %(rating)s, rating_count = rating_count + %(times)s
where id = %(creator_id)s;

-- name: set_top
-- Both: whether it was there, and what it is now.
with before as (select id, is_top from creators where id = %(id)s for update)
update creators set is_top = %(is_top)s from before where creators.id = before.id returning before.is_top as was_top;

-- name: edit
-- Null = unchanged.
update creators set
    profession = coalesce(%(profession)s, profession),
    description = coalesce(%(description)s, description),
    specialization = coalesce(%(specialization)s, specialization),
    experience = coalesce(%(experience)s, experience),
    portfolio_link = coalesce(%(portfolio_link)s, portfolio_link),
    social_links = coalesce(%(social_links)s::jsonb, social_links),
    updated_at = %(now)s
where account_id = %(account_id)s
returning id;

-- name: cards
-- One creator by either id, or a page of all, best first. A null id and a limit of 0 match nothing, so the parameters
-- select one branch. Creators with blocked accounts are left out.
with page as (
    select * from creators where id = %(creator_id)s
    union all
    select * from creators where account_id = %(account_id)s
    union all
    (select creators.* from creators join accounts on accounts.id = creators.account_id and accounts.is_active
     order by creators.is_top desc, creators.rating desc, creators.id limit %(limit)s offset %(offset)s)
)
select page.*, accounts.username, accounts.first_name, accounts.last_name, accounts.bio, accounts.location,
    case when accounts.avatar_id is not null then accounts.avatar_key end as avatar_key
from page join accounts on accounts.id = page.account_id and accounts.is_active
order by page.is_top desc, page.rating desc, page.id;

-- name: count_all
select count(*) from creators join accounts on accounts.id = creators.account_id and accounts.is_active;

-- name: add_skill
insert into skills (name, key, description, words, created_at, updated_at)
values (%(name)s, %(key)s, %(description)s, %(words)s, %(now)s, %(now)s)
returning id, name, description;

-- name: edit_skill
update skills set name = %(name)s, key = %(key)s, description = %(description)s, words = %(words)s, updated_at = %(now)s
where id = %(id)s
returning id, name, description;

-- name: delete_skill
delete from skills where id = %(id)s;

-- name: find_skill
select id, name, description from skills where id = %(id)s;

-- name: lock_skill
select id, name, description from skills where id = %(id)s for no key update;

-- name: skills
select id, name, description from skills
where %(pattern)s::text is null or words like %(pattern)s
order by key limit %(limit)s offset %(offset)s;

-- name: count_skills
select count(*) from skills where %(pattern)s::text is null or words like %(pattern)s;

-- name: lock_existing_skills
-- The existing ones, locked against deletion.
select id from skills where id = any(%(ids)s::bigint[]) order by id for key share;

-- name: add_creator_skill
insert into creator_skills (creator_id, skill_id, level, created_at, updated_at)
values (%(creator_id)s, %(skill_id)s, %(level)s, %(now)s, %(now)s)
returning id;

-- name: set_skills
-- xmax is 0 in a row that this statement has inserted.
insert into creator_skills (creator_id, skill_id, level, created_at, updated_at)
select %(creator_id)s, skill_id, level, %(now)s, %(now)s
from unnest(%(skill_ids)s::bigint[], %(levels)s::smallint[]) as wanted (skill_id, level)
on conflict on constraint creator_skills_skill_key
do update set level = excluded.level, updated_at = excluded.updated_at
returning id, skill_id, level, (select name from skills where skills.id = skill_id) as skill_name, xmax = 0 as is_new;

-- name: set_level
update creator_skills set level = coalesce(%(level)s, level), updated_at = %(now)s
where id = %(id)s and creator_id = %(creator_id)s
returning id;

-- name: remove_creator_skill
delete from creator_skills where id = %(id)s and creator_id = %(creator_id)s;

-- name: creator_skills
select creator_skills.id, creator_skills.level, creator_skills.creator_id, skills.id as skill_id, skills.name,
    skills.description
from creator_skills join skills on skills.id = creator_skills.skill_id
where creator_skills.creator_id = %(creator_id)s and (%(id)s::bigint is null or creator_skills.id = %(id)s)
order by creator_skills.id limit %(limit)s offset %(offset)s;

-- name: count_creator_skills
select count(*) from creator_skills where creator_id = %(creator_id)s;

-- name: differences
-- The sums of ratings are verified in reviews, which have both votes and reviews.
select 'creator' as of, c.id, 'likes_count' as what, c.likes_count as stored, coalesce(likes.count, 0) as counted
from creators c
-- Grouped once, not once per creator.
left join (select creator_id, count(*) from creator_likes group by creator_id) likes on likes.creator_id = c.id
where c.likes_count <> coalesce(likes.count, 0)
order by c.id
limit %(limit)s;

-- name: export_creator
select id, profession, description, specialization, experience, portfolio_link, social_links, is_top, rating, rating_count,
    likes_count, completed_orders, created_at, updated_at
from creators where account_id = %(account_id)s and id > %(after)s limit %(limit)s;

-- name: export_creator_skills
select creator_skills.id, skills.name, creator_skills.level, creator_skills.created_at
from creator_skills join skills on skills.id = creator_skills.skill_id
join creators on creators.id = creator_skills.creator_id
where creators.account_id = %(account_id)s and creator_skills.id > %(after)s
order by creator_skills.id limit %(limit)s;

-- name: export_votes
select creator_id as id, creator_id, rating, created_at from creator_votes
where account_id = %(account_id)s and creator_id > %(after)s order by creator_id limit %(limit)s;

-- name: export_likes
select creator_id as id, creator_id, created_at from creator_likes
where account_id = %(account_id)s and creator_id > %(after)s order by creator_id limit %(limit)s;

-- name: export_favourites
select creator_id as id, creator_id, created_at from creator_favourites
where account_id = %(account_id)s and creator_id > %(after)s order by creator_id limit %(limit)s;

-- name: erase_likes
-- In one order, as likes of others change the same rows. A statement sees the rows of before.
with gone as (delete from creator_likes where account_id = %(account_id)s returning creator_id)
update creators set likes_count = likes_count - 1
where id in (select creator_id from gone order by creator_id);

-- name: erase_favourites
delete from creator_favourites where account_id = %(account_id)s;

-- name: erase_skills
delete from creator_skills where creator_id in (select id from creators where account_id = %(account_id)s);

-- name: erase_creator
update creators set profession = '', description = '', specialization = '', experience = '', portfolio_link = '',
    social_links = '{}', is_top = false, video_id = null, updated_at = %(now)s
where account_id = %(account_id)s;

-- name: availability
-- plan: generic
select creator_id, max_open_orders, lead_days, is_full from creator_availability where creator_id = %(creator_id)s;

-- name: lock_availability
-- Orders of the last place queue here.
select creator_id, max_open_orders, lead_days, is_full from creator_availability where creator_id = %(creator_id)s
for update;

-- name: absences
-- plan: generic
select id, starts_on, ends_on from creator_absences
where creator_id = %(creator_id)s and ends_on >= %(today)s order by starts_on, id limit %(limit)s;

-- name: begin_availability
insert into creator_availability (creator_id) values (%(creator_id)s) on conflict (creator_id) do nothing;

-- name: set_availability
update creator_availability
set max_open_orders = %(max_open_orders)s, lead_days = %(lead_days)s, updated_at = %(now)s
where creator_id = %(creator_id)s;

-- name: add_absence
insert into creator_absences (creator_id, starts_on, ends_on) values (%(creator_id)s, %(starts_on)s, %(ends_on)s)
returning id, starts_on, ends_on;

-- name: remove_absence
delete from creator_absences where id = %(id)s and creator_id = %(creator_id)s;

-- name: set_full
update creator_availability set is_full = %(is_full)s where creator_id = %(creator_id)s and is_full <> %(is_full)s;

-- name: full_creators
select creator_id, max_open_orders, lead_days, is_full from creator_availability where is_full
order by creator_id limit %(limit)s;

-- name: follow_absences
-- Those whose absence began or ended. Null = of all creators.
update creator_availability set is_away = not is_away
where (%(creator_id)s::bigint is null or creator_id = %(creator_id)s::bigint) and is_away <> exists (
    select from creator_absences
    where creator_absences.creator_id = creator_availability.creator_id
        and %(today)s::date between starts_on and ends_on);

-- name: purge_absences
delete from creator_absences where id in (
    select id from creator_absences where ends_on < %(before)s order by ends_on limit 1000);

-- name: export_availability
select creator_id as id, max_open_orders, lead_days from creator_availability
where creator_id = (select id from creators where account_id = %(account_id)s) and creator_id > %(after)s
order by creator_id limit %(limit)s;

-- name: export_absences
select id, starts_on, ends_on, created_at from creator_absences
where creator_id = (select id from creators where account_id = %(account_id)s) and id > %(after)s
order by id limit %(limit)s;

-- name: erase_absences
delete from creator_absences where creator_id = (select id from creators where account_id = %(account_id)s);

-- name: erase_availability
delete from creator_availability where creator_id = (select id from creators where account_id = %(account_id)s);
