-- expand
-- A message that has waited for the lock of its conversation asks again when it has it, and a stable function would answer
-- as of before: the reader who held the lock has read everything, and the message would come without a notification.
alter function has_unread_message(bigint, bigint) volatile;
