-- name: lock_alarms
-- One process judges at a time, so that each opening and each closing is mailed once.
select pg_advisory_xact_lock(hashtext('alarms'));

-- name: see_alarm
insert into alarms (kind, subject, value, note, began_at, seen_at)
values (%(kind)s, %(subject)s, %(value)s, %(note)s, %(began)s, %(now)s)
on conflict (kind, subject) where closed_at is null
do update set value = excluded.value, note = excluded.note, seen_at = excluded.seen_at;

-- name: current_alarms
select id, kind, subject, value, note, began_at, seen_at, opened_at, mailed_at, silences.silenced_until,
    (
        select count(*) from alarms earlier
        where earlier.kind = alarms.kind and earlier.subject = alarms.subject and earlier.mailed_at > %(day_ago)s
    ) as told_lately
from alarms left join alarm_silences silences using (kind, subject)
where closed_at is null order by id limit 500;

-- name: open_alarm
update alarms set opened_at = %(now)s where id = %(id)s;

-- name: mark_alarm_mailed
update alarms set mailed_at = %(now)s where id = %(id)s;

-- name: close_alarm
update alarms set closed_at = %(now)s where id = %(id)s;

-- name: forget_alarm
delete from alarms where id = %(id)s;

-- name: count_open_alarms
select kind, count(*) as open from alarms where closed_at is null and opened_at is not null group by kind;

-- name: silence_alarm
insert into alarm_silences (kind, subject, silenced_until)
select kind, subject, %(until)s from alarms where id = %(id)s and closed_at is null
on conflict on constraint alarm_silences_pkey
do update set silenced_until = excluded.silenced_until
returning kind, subject;

-- name: owners
-- By the partial index over accounts with a role.
select email, language from accounts where role = 'owner' and is_active and email is not null order by id limit 50;

-- name: purge_alarms
delete from alarms where id in (select id from alarms where closed_at < %(before)s limit 1000);

-- name: set_mark
insert into health_marks (name, marked_at, problems) values (%(name)s, %(now)s, %(problems)s)
on conflict on constraint health_marks_pkey do update set marked_at = excluded.marked_at, problems = excluded.problems;

-- name: marks
select name, marked_at, problems from health_marks order by name limit 100;
