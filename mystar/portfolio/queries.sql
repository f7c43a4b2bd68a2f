-- name: add_item
insert into portfolio_items (creator_id, title, description, external_url, cover_id, created_at, updated_at)
values (%(creator_id)s, %(title)s, %(description)s, %(external_url)s, %(cover_id)s, %(now)s, %(now)s)
returning id;

-- name: lock_item
-- Changes of an item or its images wait for this lock.
select portfolio_items.id, portfolio_items.cover_id
from portfolio_items join creators on creators.id = portfolio_items.creator_id
where portfolio_items.id = %(id)s and creators.account_id = %(account_id)s
for update of portfolio_items;

-- name: lock_item_of_image
select portfolio_items.id
from portfolio_images
join portfolio_items on portfolio_items.id = portfolio_images.item_id
join creators on creators.id = portfolio_items.creator_id
where portfolio_images.id = %(id)s and creators.account_id = %(account_id)s
for update of portfolio_items;

-- name: edit_item
-- Null = unchanged.
update portfolio_items set
    title = coalesce(%(title)s, title),
    description = coalesce(%(description)s, description),
    external_url = coalesce(%(external_url)s, external_url),
    cover_id = coalesce(%(cover_id)s, cover_id),
    updated_at = %(now)s
where id = %(id)s;

-- name: files_of_item
select cover_id as file_id from portfolio_items where id = %(id)s and cover_id is not null
union all
select file_id from portfolio_images where item_id = %(id)s;

-- name: delete_item
delete from portfolio_items where id = %(id)s;

-- name: items
-- One item, or a page of a creator's, newest first. A null id matches nothing, so the parameters select one branch.
with page as (
    select * from portfolio_items where id = %(id)s
    union all
    (select * from portfolio_items where creator_id = %(creator_id)s
     order by created_at desc, id desc limit %(limit)s offset %(offset)s)
)
select page.id, page.creator_id, page.title, page.description, page.external_url, files.key as cover_key,
    page.created_at, page.updated_at
from page left join files on files.id = page.cover_id
order by page.created_at desc, page.id desc;

-- name: count_items
select count(*) from portfolio_items where creator_id = %(creator_id)s;

-- name: images_of
select image.id, image.item_id, files.key, image.caption, image.position
from portfolio_images image join files on files.id = image.file_id
where image.item_id = any(%(item_ids)s::bigint[])
order by image.item_id, image.position, image.id;

-- name: images
-- The images of one item, or of all items of an account, which are few; one of the two parameters is null.
select image.id, image.item_id, files.key, image.caption, image.position
from portfolio_images image join files on files.id = image.file_id
where image.item_id in (
    select id from portfolio_items where id = %(item_id)s
    union all
    select item.id from portfolio_items item join creators on creators.id = item.creator_id
    where creators.account_id = %(account_id)s
)
order by image.item_id, image.position, image.id
limit %(limit)s offset %(offset)s;

-- name: count_images
select count(*) from portfolio_images
where item_id in (
    select id from portfolio_items where id = %(item_id)s
    union all
    select item.id from portfolio_items item join creators on creators.id = item.creator_id
    where creators.account_id = %(account_id)s
);

-- name: image
select image.id, image.item_id, files.key, image.caption, image.position, image.file_id
from portfolio_images image join files on files.id = image.file_id where image.id = %(id)s;

-- name: add_images
-- After the existing ones, unless a position is given.
insert into portfolio_images (item_id, file_id, caption, position, created_at, updated_at)
select %(item_id)s, file_id, %(caption)s, coalesce(%(position)s, number + (
        select coalesce(max(position), 0) from portfolio_images where item_id = %(item_id)s)), %(now)s, %(now)s
from unnest(%(file_ids)s::bigint[]) with ordinality as wanted (file_id, number)
returning id;

-- name: edit_image
-- Null = unchanged.
update portfolio_images set
    caption = coalesce(%(caption)s, caption),
    position = coalesce(%(position)s, position),
    file_id = coalesce(%(file_id)s, file_id),
    updated_at = %(now)s
where id = %(id)s;

-- name: delete_image
delete from portfolio_images where id = %(id)s;

-- name: export_portfolio
select portfolio_items.id, title, portfolio_items.description, external_url, portfolio_items.created_at,
    portfolio_items.updated_at,
    (select jsonb_agg(jsonb_build_object('file_id', file_id, 'caption', caption) order by position, id)
     from portfolio_images where item_id = portfolio_items.id) as images
from portfolio_items join creators on creators.id = portfolio_items.creator_id
where creators.account_id = %(account_id)s and portfolio_items.id > %(after)s
order by portfolio_items.id limit %(limit)s;

-- name: erase_portfolio
delete from portfolio_items where creator_id in (select id from creators where account_id = %(account_id)s);
