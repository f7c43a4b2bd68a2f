-- name: categories
-- plan: generic
select categories.id, categories.name, categories.photo_id, files.key as photo_key
from categories left join files on files.id = categories.photo_id
order by categories.position, categories.id
limit %(limit)s;

-- name: add_category
insert into categories (name, photo_id, position) values (%(name)s, %(photo_id)s, %(position)s) returning id;

-- name: add_greeting
insert into services (creator_id, kind, title, created_at, updated_at)
values (%(creator_id)s, 'greeting', %(title)s, %(now)s, %(now)s)
returning id;

-- name: set_greeting
update services
set base_price = %(price)s, invitation_price = %(invitation_price)s, category_id = %(category_id)s,
    delivery_days = %(days)s, updated_at = %(now)s
where creator_id = %(creator_id)s and kind = 'greeting'
returning id;

-- name: patch_greeting
-- What is null stays as it is.
update services
set base_price = coalesce(%(price)s, base_price), invitation_price = coalesce(%(invitation_price)s, invitation_price),
    category_id = coalesce(%(category_id)s, category_id), delivery_days = coalesce(%(days)s, delivery_days),
    updated_at = %(now)s
where creator_id = %(creator_id)s and kind = 'greeting'
returning id;

-- name: greeting_pricing
select base_price as price, invitation_price, category_id, delivery_days as days, array(
    select tags.name from service_tags join tags on tags.id = service_tags.tag_id
    where service_tags.service_id = services.id order by tags.key
) as tags
from services where creator_id = %(creator_id)s and kind = 'greeting';

-- name: add_tags
-- In one order, so that two transactions which add the same tags cannot deadlock.
insert into tags (key, name)
select key, name from unnest(%(keys)s::text[], %(names)s::text[]) as new (key, name) order by key
on conflict do nothing;

-- name: remove_service_tags
delete from service_tags using tags
where service_tags.service_id = %(service_id)s and tags.id = service_tags.tag_id
    and tags.key <> all (%(keys)s::text[]);

-- name: add_service_tags
insert into service_tags (service_id, tag_id)
select %(service_id)s, id from tags where key = any (%(keys)s::text[])
on conflict do nothing;

-- name: greeting_of
-- plan: generic
select services.id as service_id, services.creator_id, creators.account_id, services.category_id, services.base_price,
    services.invitation_price, services.delivery_days,
    services.is_listed as is_for_sale,
    coalesce(creator_availability.lead_days, 0) as lead_days, creator_availability.creator_id is not null as is_limited
from creators
join accounts on accounts.id = creators.account_id
join services on services.creator_id = creators.id and services.kind = 'greeting'
left join creator_availability on creator_availability.creator_id = creators.id
where creators.account_id = %(account_id)s;

-- name: rank_of_star
select is_top, rating, id as creator_id from creators where account_id = %(account_id)s;

-- name: stars
-- plan: generic
-- One row per star, in the order of the ids, which are those of greeting services. The tags of a page are gathered at
-- once: a thousand small lookups took most of the time of a list.
with page as (
    select accounts.id, accounts.username, accounts.first_name, accounts.last_name, accounts.phone, accounts.email,
        accounts.created_at as joined_at,
        case when accounts.avatar_id is not null then accounts.avatar_key end as avatar_key,
        creators.id as creator_id, creators.profession, creators.description, creators.is_top, creators.rating,
        creators.rating_sum, creators.rating_count, creators.likes_count as likes, video.key as video_key,
        services.id as service_id, services.category_id, services.base_price as price, services.invitation_price,
        services.delivery_days, listed.position,
        not coalesce(creator_availability.is_full or creator_availability.is_away, false) as is_available
    from unnest(%(ids)s::bigint[]) with ordinality as listed (id, position)
    join services on services.id = listed.id
    join creators on creators.id = services.creator_id
    join accounts on accounts.id = creators.account_id
    left join files video on video.id = creators.video_id
    left join creator_availability on creator_availability.creator_id = creators.id
), tagged as (
    select service_tags.service_id, array_agg(tags.name order by tags.name) as tags
    from service_tags join tags on tags.id = service_tags.tag_id
    where service_tags.service_id = any (%(ids)s::bigint[])
    group by service_tags.service_id
)
select page.*, coalesce(tagged.tags, '{}') as tags
from page left join tagged on tagged.service_id = page.service_id
order by page.position;

-- name: services
-- plan: generic
-- Options and tags are gathered per row: a page has few rows, and each finds its own by an index.
select services.id, services.kind, services.creator_id, creators.account_id, accounts.username as creator_username,
    case when accounts.avatar_id is not null then accounts.avatar_key end as avatar_key,
    creators.rating, creators.completed_orders, services.category_id, categories.name as category_name,
    services.title, services.description, services.base_price, services.delivery_days, services.delivery_text,
    services.modifications_price,
    services.is_active, services.is_withheld, services.is_seller_active, services.is_listed, services.deleted_at is not null as is_removed,
    services.created_at, services.updated_at,
    not coalesce(creator_availability.is_full or creator_availability.is_away, false) as is_available,
    coalesce(creator_availability.lead_days, 0) as lead_days, creator_availability.creator_id is not null as is_limited,
    (
        select json_agg(json_build_array(id, name, description, price) order by position, id)
        from service_options where service_id = services.id and retired_at is null
    ) as options,
    (
        select array_agg(tags.name order by tags.name)
        from service_tags join tags on tags.id = service_tags.tag_id where service_tags.service_id = services.id
    ) as tags,
    (
        select json_agg(json_build_array(service_images.id, files.key) order by service_images.position)
        from service_images join files on files.id = service_images.file_id where service_id = services.id
    ) as images
from services
join creators on creators.id = services.creator_id
join accounts on accounts.id = creators.account_id
left join categories on categories.id = services.category_id
left join creator_availability on creator_availability.creator_id = creators.id
where services.id = any (%(ids)s::bigint[]);

-- name: set_withheld
with before as (select id, is_withheld from services where id = %(service_id)s and deleted_at is null for update)
update services set is_withheld = %(is_withheld)s, updated_at = %(now)s from before where services.id = before.id
returning before.is_withheld as was_withheld;

-- name: add_service
insert into services (
    creator_id, kind, category_id, title, description, base_price, delivery_days, delivery_text, modifications_price,
    is_active, created_at, updated_at)
select id, 'service', %(category_id)s, %(title)s, %(description)s, %(base_price)s, %(delivery_days)s,
    %(delivery_text)s, %(modifications_price)s, %(is_active)s, %(now)s, %(now)s
from creators where account_id = %(account_id)s
returning id;

-- name: lock_service
select services.id from services join creators on creators.id = services.creator_id
where services.id = %(service_id)s and creators.account_id = %(account_id)s and services.deleted_at is null
for update of services;

-- name: change_service
update services set
    title = %(title)s, description = %(description)s, category_id = %(category_id)s, base_price = %(base_price)s,
    delivery_days = %(delivery_days)s, delivery_text = %(delivery_text)s, modifications_price = %(modifications_price)s, is_active = %(is_active)s,
    updated_at = %(now)s
where id = %(service_id)s;

-- name: mark_service_removed
update services set deleted_at = %(now)s, updated_at = %(now)s where id = %(service_id)s;

-- name: retire_options
update service_options set retired_at = %(now)s
where service_id = %(service_id)s and retired_at is null and id <> all (%(kept)s::bigint[]);

-- name: change_options
update service_options set name = new.name, description = new.description, price = new.price, position = new.position
from unnest(
    %(ids)s::bigint[], %(names)s::text[], %(descriptions)s::text[], %(prices)s::bigint[], %(positions)s::integer[]
) as new (id, name, description, price, position)
where service_options.id = new.id;

-- name: add_options
insert into service_options (service_id, name, description, price, position)
select %(service_id)s, name, description, price, position
from unnest(%(names)s::text[], %(descriptions)s::text[], %(prices)s::bigint[], %(positions)s::integer[])
    as new (name, description, price, position)
order by position;

-- name: images_of_service
select id, file_id, position from service_images where service_id = %(service_id)s;

-- name: remove_images
delete from service_images where service_id = %(service_id)s and id <> all(%(kept)s::bigint[]);

-- name: order_images
update service_images set position = new.position
from unnest(%(kept)s::bigint[]) with ordinality as new (id, position)
where service_images.service_id = %(service_id)s and service_images.id = new.id;

-- name: add_images
insert into service_images (service_id, file_id, position)
select %(service_id)s, file_id, %(after)s + position
from unnest(%(file_ids)s::bigint[]) with ordinality as new (file_id, position);

-- name: search_texts
-- In one order, and locked, so that of two writers the later one reads the texts that both have written.
select services.id, services.title, services.description, accounts.username, accounts.first_name, accounts.last_name,
    coalesce((
        select string_agg(tags.key, ' ') from service_tags join tags on tags.id = service_tags.tag_id
        where service_tags.service_id = services.id
    ), '') as tags
from services
join creators on creators.id = services.creator_id
join accounts on accounts.id = creators.account_id
where services.id = any (%(ids)s::bigint[])
order by services.id
for update of services;

-- name: set_search_texts
update services set words = service_words(new.title, new.tags, new.description, new.people)
from unnest(%(ids)s::bigint[], %(titles)s::text[], %(tags)s::text[], %(descriptions)s::text[], %(people)s::text[])
    as new (id, title, tags, description, people)
where services.id = new.id;

-- name: add_search_words
-- In one order, as tags are.
insert into search_words select word from unnest(%(words)s::text[]) as new (word) order by word on conflict do nothing;

-- name: similar_words
-- Stop words, like "and", have no row; a word that nothing resembles has one row without a similar word.
select asked, word
from unnest(%(words)s::text[]) as asked left join lateral words_alike(asked, %(limit)s) as word on true
where numnode(to_tsquery('russian', asked)) > 0;

-- name: services_of_account
select services.id from services join creators on creators.id = services.creator_id
where creators.account_id = %(account_id)s;

-- name: follow_account
-- Nothing is sold for an account that is about to be erased.
update services set is_seller_active = accounts.is_active and accounts.erasure_due_at is null
from creators join accounts on accounts.id = creators.account_id
where creators.account_id = %(account_id)s and services.creator_id = creators.id
    and services.is_seller_active <> (accounts.is_active and accounts.erasure_due_at is null);

-- name: differences
with counted as (
    select category_id, kind, count(*) as listed from services where is_listed group by category_id, kind
)
select 'category' as of, 'listed ' || kind || 's' as what, category_id as id, coalesce(listed_counts.listed, 0) as stored,
    coalesce(counted.listed, 0) as counted
from listed_counts full join counted using (category_id, kind)
where listed_counts.listed is distinct from counted.listed
    and (coalesce(listed_counts.listed, 0) <> 0 or coalesce(counted.listed, 0) <> 0)
order by category_id, kind
limit %(limit)s;

-- name: edit_category
update categories set
    name = coalesce(%(name)s, name), photo_id = coalesce(%(photo_id)s, photo_id), position = coalesce(%(position)s, position)
where id = %(category_id)s
returning id;

-- name: add_default_category
insert into categories (name, position) values (%(name)s, %(position)s) on conflict (name) do nothing;

-- name: category_id
select id from categories where name = %(name)s;

-- name: lock_category
select photo_id, name, position from categories where id = %(category_id)s for update;

-- name: delete_category
delete from categories where id = %(category_id)s;

-- name: reorder_categories
update categories set position = wanted.position
from unnest(%(ids)s::bigint[]) with ordinality as wanted (id, position)
where categories.id = wanted.id;

-- name: add_tag
insert into tags (key, name) values (%(key)s, %(name)s) returning id;

-- name: rename_tag
update tags set name = %(name)s, key = %(key)s where id = %(tag_id)s returning id;

-- name: lock_tags
select id, name from tags where id = any (%(ids)s::bigint[]) order by id for update;

-- name: assign_tag
insert into service_tags (service_id, tag_id)
select distinct service_id, %(tag_id)s::bigint from service_tags where tag_id = any (%(ids)s::bigint[])
on conflict do nothing;

-- name: services_with_tags
select distinct service_id as id from service_tags where tag_id = any (%(ids)s::bigint[]) order by service_id;

-- name: delete_tags
delete from tags where id = any (%(ids)s::bigint[]);

-- name: export_services
select services.id, services.kind, services.title, services.description, services.base_price, services.invitation_price,
    services.modifications_price, services.delivery_days, services.delivery_text, services.is_active, services.deleted_at,
    services.created_at, services.updated_at,
    (select jsonb_agg(jsonb_build_object('name', name, 'description', description, 'price', price) order by position)
     from service_options where service_id = services.id) as options
from services join creators on creators.id = services.creator_id
where creators.account_id = %(account_id)s and services.id > %(after)s order by services.id limit %(limit)s;

-- name: kept_category_photos
select files.id from categories join files on files.id = categories.photo_id where files.owner_id = %(account_id)s;

-- name: erase_service_tags
delete from service_tags where service_id in (
    select services.id from services join creators on creators.id = services.creator_id
    where creators.account_id = %(account_id)s);

-- name: erase_service_images
delete from service_images where service_id in (
    select services.id from services join creators on creators.id = services.creator_id
    where creators.account_id = %(account_id)s);

-- name: erase_service_options
update service_options set name = redacted(name, %(names)s::text[], %(alias)s), description = ''
where service_id in (
    select services.id from services join creators on creators.id = services.creator_id
    where creators.account_id = %(account_id)s);

-- name: erase_services
-- The title is what was sold; orders and receipts name it.
update services set title = redacted(title, %(names)s::text[], %(alias)s), description = '', delivery_text = '',
    words = '', is_active = false, is_seller_active = false, deleted_at = coalesce(deleted_at, %(now)s), updated_at = %(now)s
from creators where creators.id = services.creator_id and creators.account_id = %(account_id)s;

-- name: erase_search_words
-- Words that no service is found by any more.
delete from search_words where word = any(%(words)s::text[])
    and not exists (select from services where is_listed and words @@ plainto_tsquery('russian', word));

-- name: changes_since
-- plan: generic
-- What was committed between two snapshots, the one that is given and that of this statement. Rows of a transaction
-- that the second one does not know either were restored from another server. A server that was started since, or
-- another one, may have forgotten what it had committed; so may one that has recovered from the crash of one of its
-- processes, which begins its statistics anew. A restored backup has a table of its own.
select pg_current_snapshot()::text as snapshot,
    concat_ws(' ', pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time(), 'catalog_changes'::regclass::oid)
        as server,
    array(
    select distinct subject from catalog_changes
    where (
        xid >= pg_snapshot_xmax(%(snapshot)s::pg_snapshot)
        or xid = any(array(select pg_snapshot_xip(%(snapshot)s::pg_snapshot)))
    ) and xid < pg_snapshot_xmax(pg_current_snapshot())
) as subjects;

-- name: changes_since_with_services
-- plan: generic
-- The same, with the services of what was changed, and their categories, as they are now: a trigger does not see what
-- another transaction is adding or moving. Subjects that a later release writes may have another form.
with noted as (
    select distinct subject from catalog_changes
    where (
        xid >= pg_snapshot_xmax(%(snapshot)s::pg_snapshot)
        or xid = any(array(select pg_snapshot_xip(%(snapshot)s::pg_snapshot)))
    ) and xid < pg_snapshot_xmax(pg_current_snapshot())
), named as (
    select split_part(subject, ' ', 1) as kind, substring(subject from '^[a-z]+ ([0-9]{1,18})$')::bigint as id
    from noted
), touched as (
    select services.id, services.category_id from named join services using (id) where named.kind = 'service'
    union
    select services.id, services.category_id
    from named join services on services.creator_id = named.id
    where named.kind = 'creator'
    union
    select services.id, services.category_id
    from named
    join creators on creators.account_id = named.id
    join services on services.creator_id = creators.id
    where named.kind = 'person'
    union
    select services.id, services.category_id
    from named
    join service_tags on service_tags.tag_id = named.id
    join services on services.id = service_tags.service_id
    where named.kind = 'tag'
    limit 1001
)
select pg_current_snapshot()::text as snapshot,
    concat_ws(' ', pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time(), 'catalog_changes'::regclass::oid)
        as server,
    array(
    select subject from noted
    union all
    select 'service ' || id from touched
    union all
    select 'category ' || category_id from touched where category_id is not null
    union all
    select 'everything' where (select count(*) from touched) > 1000
) as subjects;

-- name: purge_changes
-- Everything counts as changed for those who have not seen this row, and so perhaps not the deleted ones either.
with purged as (
    delete from catalog_changes
    where xid < pg_snapshot_xmin(pg_current_snapshot()) or xid >= pg_snapshot_xmax(pg_current_snapshot())
)
insert into catalog_changes (subject) values ('everything');
