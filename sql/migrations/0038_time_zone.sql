-- expand
-- The zone in which a person reads moments in mails, such as "Asia/Almaty"; null = the installation's.

alter table accounts add column time_zone text;
