-- name: current_texts
-- The latest version of each text that was ever changed.
select distinct on (name) text_versions.*, accounts.username as author
from text_versions left join accounts on accounts.id = text_versions.author_id
order by name, text_versions.id desc;

-- name: lock_texts
-- Two owners who save at once queue here.
select pg_advisory_xact_lock(hashtext('mystar texts'));

-- name: add_text
insert into text_versions (name, parts, author_id, created_at)
values (%(name)s, %(parts)s::jsonb, %(author_id)s, %(now)s) returning id;

-- name: text_history
select text_versions.*, accounts.username as author
from text_versions left join accounts on accounts.id = text_versions.author_id
where name = %(name)s order by text_versions.id desc limit 50;

-- name: text_version
select text_versions.*, accounts.username as author
from text_versions left join accounts on accounts.id = text_versions.author_id
where text_versions.id = %(id)s;

-- name: forget_text_author
update text_versions set author_id = null where author_id = %(account_id)s;
