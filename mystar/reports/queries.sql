-- What an account sees of an object, and whose it is; no row for what it does not see. It is kept with the report.

-- name: seen_service
select creators.account_id, jsonb_build_object(
        'author', accounts.username, 'title', services.title, 'text', services.description,
        'price', services.base_price) as text
from services join creators on creators.id = services.creator_id join accounts on accounts.id = creators.account_id
where services.id = %(id)s and services.is_listed and %(actor_id)s::bigint is not null;

-- name: seen_review
select reviews.author_id as account_id, jsonb_build_object(
        'author', accounts.username, 'text', reviews.words, 'rating', reviews.rating, 'reply', reviews.reply) as text
from reviews join accounts on accounts.id = reviews.author_id
where reviews.id = %(id)s and reviews.hidden_at is null and %(actor_id)s::bigint is not null;

-- name: seen_message
select messages.sender_id as account_id, jsonb_build_object(
        'author', accounts.username, 'text', messages.text, 'sent_at', messages.sent_at, 'edited_at', messages.edited_at,
        'files', (select jsonb_agg(files.name order by message_files.place) from message_files
            join files on files.id = message_files.file_id where message_files.message_id = messages.id)) as text
from messages join conversations on conversations.id = messages.conversation_id
join accounts on accounts.id = messages.sender_id
where messages.id = %(id)s and messages.deleted_at is null and %(actor_id)s in (low_id, high_id);

-- name: seen_person
select accounts.id as account_id, jsonb_build_object(
        'author', accounts.username, 'title', concat_ws(' ', first_name, last_name), 'text', accounts.bio,
        'profession', creators.profession, 'description', creators.description) as text
from accounts left join creators on creators.account_id = accounts.id
where accounts.id = %(id)s and accounts.is_active and accounts.erased_at is null and %(actor_id)s::bigint is not null;

-- name: open_case
-- The open case of the object, locked, or a new one.
insert into report_cases (kind, object_id, account_id, reports, opened_at)
values (%(kind)s, %(object_id)s, %(account_id)s, 1, %(now)s)
on conflict (kind, object_id) where decided_at is null do update set reports = report_cases.reports + 1
returning id;

-- name: add_report
insert into reports (case_id, reporter_id, reason, comment, seen, created_at)
values (%(case_id)s, %(reporter_id)s, %(reason)s, %(comment)s, %(seen)s::jsonb, %(now)s)
returning id;

-- name: open_report
select reports.id from reports join report_cases on report_cases.id = reports.case_id
where report_cases.kind = %(kind)s and report_cases.object_id = %(object_id)s and decided_at is null
    and reporter_id = %(reporter_id)s;

-- name: reports_of
select reports.id, kind, object_id, reason, comment, created_at, decided_at, decision <> 'dismiss' as is_upheld
from reports join report_cases on report_cases.id = reports.case_id
where reporter_id = %(reporter_id)s order by created_at desc, reports.id desc
limit %(limit)s offset %(offset)s;

-- name: count_reports_of
select count(*) from reports where reporter_id = %(reporter_id)s;

-- name: report
select reports.id, kind, object_id, reason, comment, created_at, decided_at, decision <> 'dismiss' as is_upheld
from reports join report_cases on report_cases.id = reports.case_id
where reports.id = %(id)s and reporter_id = %(reporter_id)s;

-- name: report_case
select id, kind, object_id, account_id, reports, opened_at, decided_at, decided_by, decision, note
from report_cases where id = %(id)s;

-- name: lock_case
select id, kind, object_id, account_id, reports, opened_at, decided_at, decided_by, decision, note
from report_cases where id = %(id)s for no key update;

-- name: decide_case
update report_cases set decision = %(decision)s, note = %(note)s, decided_by = %(actor_id)s, decided_at = %(now)s
where id = %(id)s;

-- name: reporters
select reporter_id, id from reports where case_id = %(id)s order by reporter_id;

-- name: export_reports
select reports.id, kind, object_id, reason, comment, seen, created_at, decided_at
from reports join report_cases on report_cases.id = reports.case_id
where reporter_id = %(account_id)s and reports.id > %(after)s order by reports.id limit %(limit)s;

-- name: export_report_decisions
-- Of reports about the person: without who has reported, and in which words.
select id, kind, object_id, opened_at, decided_at, decision, note from report_cases
where account_id = %(account_id)s and decided_at is not null and id > %(after)s order by id limit %(limit)s;

-- name: erase_comments
update reports set comment = '' where reporter_id = %(account_id)s and comment <> '';

-- name: erase_seen
-- What the person had written goes with everything else that the person has written.
update reports set seen = '{}', comment = redacted(comment, %(names)s::text[], %(alias)s)
from report_cases where report_cases.id = reports.case_id and report_cases.account_id = %(account_id)s;

-- name: erase_notes
update report_cases set note = redacted(note, %(names)s::text[], %(alias)s)
where account_id = %(account_id)s and note <> '';
