-- expand
-- Whether a notification about messages of a conversation is unread. A function, so that sending a message can ask for it
-- in its own statement without knowing the tables of notifications; in plpgsql, since that keeps its plan.
create function has_unread_message(recipient bigint, conversation bigint) returns boolean
language plpgsql stable as $$
begin
    return exists (
        select from notifications
        where account_id = recipient and subject_id = conversation and kind = 'message' and read_at is null);
end
$$;
