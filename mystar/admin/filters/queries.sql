-- name: filters_of
select id, name, query from staff_filters where account_id = %(account_id)s and list = %(list)s order by name limit 100;

-- name: save_filter
-- The same name again replaces the filter.
insert into staff_filters (account_id, list, name, query)
values (%(account_id)s, %(list)s, %(name)s, %(query)s)
on conflict (account_id, list, name) do update set query = excluded.query;

-- name: count_filters
select count(*) from staff_filters where account_id = %(account_id)s and list = %(list)s and name <> %(name)s;

-- name: delete_filter
delete from staff_filters where id = %(id)s and account_id = %(account_id)s;

-- name: erase_filters
delete from staff_filters where account_id = %(account_id)s;
