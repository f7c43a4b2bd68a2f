-- expand
-- How often an account has switched mails on again: links to unsubscribe that were mailed before it do nothing any more.
alter table notification_boxes add column mail_version int not null default 0;
