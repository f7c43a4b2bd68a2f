-- expand
-- Kinds of notifications that the account wants no mail about, beside the switch for all of them.
alter table notification_boxes add column mail_muted text[] not null default '{}';
