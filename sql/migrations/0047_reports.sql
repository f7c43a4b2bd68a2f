-- expand
-- Reports by users: one case for each object, with what stood there when it was reported.

create table report_cases (
    id bigint generated always as identity primary key,
    kind text not null,
    -- The id of the service, review, message or account.
    object_id bigint not null,
    -- Whose it is.
    account_id bigint not null references accounts on delete cascade,
    reports integer not null default 0,
    opened_at timestamptz not null,
    decided_at timestamptz,
    is_open boolean not null generated always as (decided_at is null) stored,
    decided_by bigint references accounts on delete set null,
    decision text,
    -- What the person reads whom it is about.
    note text not null default '',
    constraint report_cases_kind_check check (kind in ('service', 'review', 'message', 'person')),
    constraint report_cases_decision_check check (decision in ('dismiss', 'warn', 'hide', 'block')),
    constraint report_cases_decided_check check ((decided_at is null) = (decision is null))
);
create unique index report_cases_open_key on report_cases (kind, object_id) where decided_at is null;
create index report_cases_account_idx on report_cases (account_id, opened_at, id);
create index report_cases_decided_by_idx on report_cases (decided_by);
-- The lists of the panel: open cases, and decided ones.
create index report_cases_register_idx on report_cases (is_open, opened_at, id);
create index report_cases_kind_register_idx on report_cases (is_open, kind, opened_at, id);
create index report_cases_decision_register_idx on report_cases (is_open, decision, opened_at, id);
create index report_cases_reports_register_idx on report_cases (is_open, reports, id);

create table reports (
    id bigint generated always as identity primary key,
    case_id bigint not null references report_cases on delete cascade,
    reporter_id bigint not null references accounts on delete cascade,
    reason text not null,
    comment text not null default '',
    -- What the reporter saw; later edits do not change it.
    seen jsonb not null,
    created_at timestamptz not null,
    constraint reports_reason_check check (reason in ('fraud', 'insult', 'adult', 'contacts', 'copyright', 'spam', 'other')),
    constraint reports_comment_check check (char_length(comment) <= 1000),
    -- One of a person in a case: an object that was decided about may be reported again.
    constraint reports_reporter_key unique (case_id, reporter_id)
);
create index reports_reporter_idx on reports (reporter_id, created_at desc, id desc);
