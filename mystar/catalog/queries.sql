-- name: categories
select categories.id, categories.name, categories.photo_id, files.key as photo_key
from categories left join files on files.id = categories.photo_id
order by categories.position, categories.id
limit %(most)s;

-- name: add_category
insert into categories (name, photo_id, position) values (%(name)s, %(photo_id)s, %(position)s) returning id;

-- name: add_greeting
insert into services (creator_id, kind, title, created_at, updated_at)
values (%(creator_id)s, 'greeting', %(title)s, %(now)s, %(now)s);

-- name: set_greeting
update services
set base_price = %(price)s, invitation_price = %(invitation_price)s, category_id = %(category_id)s,
    delivery_days = %(days)s, updated_at = %(now)s
where creator_id = %(creator_id)s and kind = 'greeting'
returning id;

-- name: revise_greeting
-- What is null stays as it is.
update services
set base_price = coalesce(%(price)s, base_price), invitation_price = coalesce(%(invitation_price)s, invitation_price),
    category_id = coalesce(%(category_id)s, category_id), delivery_days = coalesce(%(days)s, delivery_days),
    updated_at = %(now)s
where creator_id = %(creator_id)s and kind = 'greeting'
returning id;

-- name: asked
select base_price as price, invitation_price, category_id, delivery_days as days, array(
    select tags.name from service_tags join tags on tags.id = service_tags.tag_id
    where service_tags.service_id = services.id order by tags.key
) as tags
from services where creator_id = %(creator_id)s and kind = 'greeting';

-- name: add_tags
-- In one order, so that two who bring the same new tags wait for each other and never both.
insert into tags (key, name)
select key, name from unnest(%(keys)s::text[], %(names)s::text[]) as new (key, name) order by key
on conflict do nothing;

-- name: drop_tags
delete from service_tags using tags
where service_tags.service_id = %(service_id)s and tags.id = service_tags.tag_id
    and tags.key <> all (%(keys)s::text[]);

-- name: put_tags
insert into service_tags (service_id, tag_id)
select %(service_id)s, id from tags where key = any (%(keys)s::text[])
on conflict do nothing;

-- name: greeting_of
select services.id as service_id, services.creator_id, creators.account_id, services.category_id, services.base_price,
    services.invitation_price, services.delivery_days,
    services.is_active and services.base_price is not null and services.category_id is not null and accounts.is_active
        as is_for_sale
from creators
join accounts on accounts.id = creators.account_id
join services on services.creator_id = creators.id and services.kind = 'greeting'
where creators.account_id = %(account_id)s;

-- name: stars
-- One row per star. A filter that is null filters nothing: values are literals by the time the planner sees them, so it
-- plans only for those that are there. Tagged services are looked up once, as an array that an index can take; the tags
-- of a page are gathered at once, since a thousand small lookups took most of the time of a list.
with page as (
    select accounts.id, accounts.username, accounts.first_name, accounts.last_name, accounts.phone, accounts.email,
        accounts.created_at as joined_at,
        case when accounts.avatar_id is not null then accounts.avatar_key end as avatar_key,
        creators.id as creator_id, creators.profession, creators.description, creators.is_top, creators.rating,
        creators.rating_sum, creators.rating_count, creators.likes_count as likes, video.key as video_key,
        services.id as service_id, services.category_id, services.base_price as price, services.invitation_price,
        services.delivery_days
    from creators
    join accounts on accounts.id = creators.account_id and accounts.is_active
    join services on services.creator_id = creators.id and services.kind = 'greeting' and services.is_active
        and services.base_price is not null and services.category_id is not null
    left join files video on video.id = creators.video_id
    where (%(account_id)s::bigint is null or creators.account_id = %(account_id)s::bigint)
        and (%(category_id)s::bigint is null or services.category_id = %(category_id)s::bigint)
        and (%(tag)s::text is null or services.id = any (array(
            select service_tags.service_id from service_tags join tags on tags.id = service_tags.tag_id
            where tags.key = %(tag)s::text
        )))
        and (%(fan_id)s::bigint is null or creators.id = any (array(
            select creator_id from creator_favourites where account_id = %(fan_id)s::bigint
        )))
    order by creators.is_top desc, creators.rating desc, creators.id
    limit %(limit)s offset %(offset)s
), tagged as (
    select page.service_id, array_agg(tags.name order by tags.name) as tags
    from page
    join service_tags on service_tags.service_id = page.service_id
    join tags on tags.id = service_tags.tag_id
    group by page.service_id
)
select page.*, coalesce(tagged.tags, '{}') as tags
from page left join tagged on tagged.service_id = page.service_id
order by page.is_top desc, page.rating desc, page.creator_id;

-- name: count_stars
select count(*)
from creators
join accounts on accounts.id = creators.account_id and accounts.is_active
join services on services.creator_id = creators.id and services.kind = 'greeting' and services.is_active
    and services.base_price is not null and services.category_id is not null
where (%(account_id)s::bigint is null or creators.account_id = %(account_id)s::bigint)
    and (%(category_id)s::bigint is null or services.category_id = %(category_id)s::bigint)
    and (%(tag)s::text is null or services.id = any (array(
        select service_tags.service_id from service_tags join tags on tags.id = service_tags.tag_id
        where tags.key = %(tag)s::text
    )))
    and (%(fan_id)s::bigint is null or creators.id = any (array(
        select creator_id from creator_favourites where account_id = %(fan_id)s::bigint
    )));

-- name: services
-- Options and tags are gathered per row: a page has few rows, and each finds its own by an index.
select services.id, services.kind, services.creator_id, creators.account_id, accounts.username as creator_username,
    case when accounts.avatar_id is not null then accounts.avatar_key end as avatar_key,
    creators.rating, creators.completed_orders, services.category_id, categories.name as category_name,
    services.title, services.description, services.base_price, services.delivery_days, services.modifications_price,
    services.is_active, services.is_withheld, services.is_listed, services.created_at, services.updated_at,
    (
        select json_agg(json_build_array(id, name, description, price) order by position, id)
        from service_options where service_id = services.id and retired_at is null
    ) as options,
    (
        select array_agg(tags.name order by tags.name)
        from service_tags join tags on tags.id = service_tags.tag_id where service_tags.service_id = services.id
    ) as tags
from services
join creators on creators.id = services.creator_id
join accounts on accounts.id = creators.account_id
left join categories on categories.id = services.category_id
where services.id = any (%(ids)s::bigint[]);

-- name: withhold
update services set is_withheld = %(is_withheld)s, updated_at = %(now)s
where id = %(service_id)s and deleted_at is null;
