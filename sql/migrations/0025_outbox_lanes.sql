-- expand
-- Rows of one lane, such as the mails to one recipient, are sent in their order.
alter table outbox add column lane text;
create index outbox_lane_idx on outbox (topic, lane, id)
    where lane is not null and done_at is null and failed_at is null;

-- Case folding had turned these letters of domains into others: the key has the domain as it is.
update accounts set email_key = split_part(email_key, '@', 1) || '@' || split_part(email, '@', 2)
where email ~ '@.*[ßς]';

-- Unread notifications end, too; they are found by their age.
create index notifications_unread_old_idx on notifications (created_at) where read_at is null;
