-- expand
-- What limits of orders and mails ask of tables that stand above their domains: see `has_unread_message`.

-- Whether an account has blocked another.
create function has_blocked(blocker bigint, blocked bigint) returns boolean
language plpgsql stable as $$
begin
    return exists (select from chat_blocks where blocker_id = blocker and blocked_id = blocked);
end
$$;

-- How many notifications of a kind an account has got since a moment; counts up to a thousand.
create function recent_notifications(recipient bigint, wanted_kind text, since timestamptz) returns integer
language plpgsql stable as $$
begin
    return (
        select count(*) from (
            select from notifications
            where account_id = recipient and kind = wanted_kind and created_at > since limit 1000) as counted);
end
$$;
create index notifications_recent_idx on notifications (account_id, kind, created_at desc);

-- The panel's list of mails: those about access to accounts are a topic of their own.
create index outbox_mails_register_idx on outbox (created_at, id) where topic in ('mail', 'account_mail');
create index outbox_mail_recipient_register_idx on outbox (lower(payload ->> 'to')) where topic in ('mail', 'account_mail');
