-- name: add_announcement
insert into announcements (key, audience, texts, by_mail, author_id, created_at)
values (%(key)s, %(audience)s, %(texts)s::jsonb, %(by_mail)s, %(author_id)s, %(now)s) returning id;

-- name: announcement
select announcements.*, accounts.username as author
from announcements left join accounts on accounts.id = announcements.author_id where announcements.id = %(id)s;

-- name: announcements
select announcements.*, accounts.username as author
from announcements left join accounts on accounts.id = announcements.author_id
order by announcements.id desc limit 50;

-- name: claim_announcement
-- The oldest that is not sent to everybody; another process that has it is left alone.
select announcements.*, null as author from announcements
where finished_at is null and stopped_at is null order by id limit 1 for no key update skip locked;

-- name: audience
-- The next people of an audience, by id. Blocked and erased ones are told nothing.
select accounts.id, accounts.username, accounts.email, accounts.language, accounts.channel,
    accounts.email is not null and accounts.email_verified_at is not null and coalesce(box.by_mail and not 'announcement' = any(box.mail_muted), true) as is_mailed
from accounts left join notification_boxes box on box.account_id = accounts.id
where accounts.id > %(after)s and accounts.is_active and accounts.erased_at is null
    and accounts.created_at <= %(until)s
    and (%(audience)s::text = 'everybody'
        or (%(audience)s::text = 'staff' and accounts.role is not null)
        or (%(audience)s::text = 'creators' and exists (select from creators where account_id = accounts.id))
        or (%(audience)s::text = 'buyers' and exists (select from orders where buyer_id = accounts.id)))
order by accounts.id limit %(limit)s;

-- name: count_audience
select count(*) as people,
    count(*) filter (where accounts.email is not null and accounts.email_verified_at is not null
        and coalesce(box.by_mail and not 'announcement' = any(box.mail_muted), true)) as mails
from accounts left join notification_boxes box on box.account_id = accounts.id
where accounts.is_active and accounts.erased_at is null
    and (%(audience)s::text = 'everybody'
        or (%(audience)s::text = 'staff' and accounts.role is not null)
        or (%(audience)s::text = 'creators' and exists (select from creators where account_id = accounts.id))
        or (%(audience)s::text = 'buyers' and exists (select from orders where buyer_id = accounts.id)));

-- name: advance_announcement
update announcements set last_account_id = %(last_id)s, notified = notified + %(notified)s,
    mailed = mailed + %(mailed)s, finished_at = case when %(is_done)s then %(now)s::timestamptz end
where id = %(id)s;

-- name: stop_announcement
update announcements set stopped_at = %(now)s where id = %(id)s and finished_at is null and stopped_at is null
returning id;

-- name: forget_announcement_author
update announcements set author_id = null where author_id = %(account_id)s;
