-- name: recipients
select id, username, email, language from accounts where id = any(%(ids)s::bigint[]) and is_active;
