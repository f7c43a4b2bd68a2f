-- expand
-- Counts no further than is asked for: each order and notification asked, and read a thousand rows of a busy hour.

create function recent_notifications(recipient bigint, wanted_kind text, since timestamptz, most integer) returns integer
language plpgsql stable as $$
begin
    return (
        select count(*) from (
            select from notifications
            where account_id = recipient and kind = wanted_kind and created_at > since limit most) as counted);
end
$$;
