-- Every change of a conversation locks its row, so numbers and positions have neither gaps nor duplicates.

-- name: create_conversation
-- Of two accounts that write to each other for the first time at once, one gets a row; the other finds it by the pair.
insert into conversations (low_id, high_id, starter_id, created_at, active_at)
values (
    least(%(starter_id)s::bigint, %(other_id)s::bigint), greatest(%(starter_id)s::bigint, %(other_id)s::bigint),
    %(starter_id)s, %(now)s, %(now)s)
on conflict (low_id, high_id) do nothing
returning *;

-- name: conversation_of_pair
-- plan: generic
select * from conversations
where low_id = least(%(one_id)s::bigint, %(other_id)s::bigint)
    and high_id = greatest(%(one_id)s::bigint, %(other_id)s::bigint);

-- name: conversation
-- plan: generic
select * from conversations where id = any(%(ids)s::bigint[]);

-- name: lock_conversation
-- plan: generic
select * from conversations where id = %(id)s for no key update;

-- name: conversation_cards
-- plan: generic
-- One conversation, or a page of an account's, latest activity first. A page is read from two indexes, since the account
-- may be either of the two members; they are ordered by ten minutes, so only the conversations of the last ones are
-- sorted. A null parameter finds nothing.
with page as (
    select * from (
        (select * from conversations where low_id = %(account_id)s
         order by active_slot desc, active_at desc, id desc limit %(limit)s::bigint + %(offset)s::bigint)
        union all
        (select * from conversations where high_id = %(account_id)s
         order by active_slot desc, active_at desc, id desc limit %(limit)s::bigint + %(offset)s::bigint)
        union all
        select * from conversations where id = %(conversation_id)s
    ) found
    order by active_at desc, id desc limit %(limit)s offset %(offset)s
)
select page.*,
    low.username as low_username, case when low.avatar_id is not null then low.avatar_key end as low_avatar,
    high.username as high_username, case when high.avatar_id is not null then high.avatar_key end as high_avatar,
    exists (
        select from chat_blocks
        where blocker_id = %(reader_id)s and blocked_id = case when low_id = %(reader_id)s then high_id else low_id end
    ) as is_blocked
from page join accounts low on low.id = page.low_id join accounts high on high.id = page.high_id
order by page.active_at desc, page.id desc;

-- name: conversation_ids
-- plan: generic
select id from (
    (select id, active_at from conversations where low_id = %(account_id)s
     order by active_slot desc, active_at desc, id desc limit %(limit)s::bigint + %(offset)s::bigint)
    union all
    (select id, active_at from conversations where high_id = %(account_id)s
     order by active_slot desc, active_at desc, id desc limit %(limit)s::bigint + %(offset)s::bigint)
) found
order by active_at desc, id desc limit %(limit)s offset %(offset)s;

-- name: count_conversations
-- plan: generic
select (select count(*) from conversations where low_id = %(account_id)s)
    + (select count(*) from conversations where high_id = %(account_id)s);

-- name: send
-- plan: generic
-- Everything that sending needs, in one statement: the update takes the conversation's lock, and with it the next
-- number and position. Nothing happens, and no row comes back, when the sender may not write here, answers a message of
-- another conversation, or has sent this before; the caller then finds out which. Times follow the numbers even where
-- clocks differ.
with place as (
    update conversations set
        last_number = last_number + 1,
        position = position + 1,
        active_at = greatest(active_at, %(now)s),
        low_unread = low_unread + (low_id <> %(sender_id)s)::int,
        high_unread = high_unread + (high_id <> %(sender_id)s)::int
    where id = %(conversation_id)s and %(sender_id)s in (low_id, high_id)
        and not exists (
            select from chat_blocks where (blocker_id, blocked_id) in ((low_id, high_id), (high_id, low_id)))
        and (
            %(answer_id)s::bigint is null
            or exists (select from messages where id = %(answer_id)s and conversation_id = conversations.id))
        and not exists (
            select from messages
            where sender_id = %(sender_id)s and conversation_id = conversations.id and client_id = %(client_id)s)
        and (
            not %(only_notified)s::boolean
            or has_unread_message(case when low_id = %(sender_id)s then high_id else low_id end, id))
    returning *
), sent as (
    insert into messages (conversation_id, number, position, sender_id, text, answer_id, client_id, sent_at)
    select id, last_number, position, %(sender_id)s, %(text)s, %(answer_id)s, %(client_id)s, active_at from place
    returning *
)
select sent.*, accounts.username, case when accounts.avatar_id is not null then accounts.avatar_key end as avatar,
    recipient.id as recipient_id, %(only_notified)s::boolean or has_unread_message(recipient.id, place.id) as is_notified
from sent join place on place.id = sent.conversation_id join accounts on accounts.id = sent.sender_id
cross join lateral (select case when low_id = sent.sender_id then high_id else low_id end as id) recipient;

-- name: add_files
insert into message_files (message_id, file_id, place)
select %(message_id)s, file_id, place from unnest(%(file_ids)s::bigint[]) with ordinality as chosen (file_id, place);

-- name: message
select * from shown_messages where id = %(id)s and conversation_id = %(conversation_id)s;

-- name: conversation_of_message
select conversation_id from messages where id = %(id)s;

-- name: message_by_client_id
-- plan: generic
select * from shown_messages
where sender_id = %(sender_id)s and conversation_id = %(conversation_id)s and client_id = %(client_id)s;

-- name: messages_up_to
-- plan: generic
-- Numbers have no gaps, so a page far back costs no more than the newest one.
select * from shown_messages where conversation_id = %(conversation_id)s and number <= %(number)s
order by number desc limit %(limit)s;

-- name: messages_numbered
-- plan: generic
select shown_messages.*
from unnest(%(conversation_ids)s::bigint[], %(numbers)s::int[]) as wanted (conversation_id, number)
join shown_messages using (conversation_id, number);

-- name: edit_message
-- The caller holds the lock of the conversation.
with place as (
    update conversations set position = position + 1 where id = %(conversation_id)s returning position
)
update messages set text = %(text)s, edited_at = %(now)s, changed_position = place.position
from place where id = %(id)s;

-- name: move_message
with place as (
    update conversations set position = position + 1 where id = %(conversation_id)s returning position
)
update messages set changed_position = place.position from place where id = %(id)s;

-- name: delete_message
-- The caller holds the lock of the conversation. A message that is deleted unread is no longer counted.
with place as (
    update conversations set
        position = position + 1,
        low_unread = low_unread - (low_id <> %(sender_id)s and low_read < %(number)s)::int,
        high_unread = high_unread - (high_id <> %(sender_id)s and high_read < %(number)s)::int
    where id = %(conversation_id)s
    returning position
)
update messages set text = '', deleted_at = %(now)s, changed_position = place.position
from place where id = %(id)s;

-- name: move_read_mark
-- plan: generic
-- The caller holds the lock of the conversation.
with left_over as (
    select count(*)::int as messages from messages
    where conversation_id = %(conversation_id)s and number > %(number)s and sender_id <> %(reader_id)s
        and deleted_at is null
)
update conversations set
    position = position + 1,
    low_read = case when low_id = %(reader_id)s then %(number)s else low_read end,
    high_read = case when high_id = %(reader_id)s then %(number)s else high_read end,
    low_read_position = case when low_id = %(reader_id)s then position + 1 else low_read_position end,
    high_read_position = case when high_id = %(reader_id)s then position + 1 else high_read_position end,
    low_unread = case when low_id = %(reader_id)s then left_over.messages else low_unread end,
    high_unread = case when high_id = %(reader_id)s then left_over.messages else high_unread end
from left_over where id = %(conversation_id)s
returning conversations.*;

-- name: changes_after
-- plan: generic
-- Each branch is cut from its own index before they are merged, so a reader far behind costs no more than a near one.
with log as (
    select * from (
        (select position as at, 'message' as kind, id as message_id, null::bigint as reader_id, null::int as read_number
         from messages where conversation_id = %(conversation_id)s and position > %(position)s
         order by position limit %(limit)s)
        union all
        (select changed_position, case when deleted_at is null then 'edited' else 'deleted' end, id, null, null
         from messages where conversation_id = %(conversation_id)s and changed_position > %(position)s
         order by changed_position limit %(limit)s)
        union all
        select low_read_position, 'read', null, low_id, low_read from conversations
        where id = %(conversation_id)s and low_read_position > %(position)s
        union all
        select high_read_position, 'read', null, high_id, high_read from conversations
        where id = %(conversation_id)s and high_read_position > %(position)s
    ) changes
    order by at limit %(limit)s
)
select log.at, log.kind, log.reader_id, log.read_number, shown_messages.*
from log left join shown_messages on shown_messages.id = log.message_id
order by log.at;

-- name: ends
-- plan: generic
-- The last position of each of these conversations.
select id, position from conversations where id = any(%(ids)s::bigint[]);

-- name: blockers
-- plan: generic
-- Which of the two has blocked the other.
select blocker_id from chat_blocks
where (blocker_id, blocked_id) in ((%(one_id)s, %(other_id)s), (%(other_id)s, %(one_id)s));

-- name: may_share_contacts
-- plan: generic
-- Whether one of the two has paid the other for an order, or one of them is staff.
select exists (select from accounts where id in (%(one_id)s, %(other_id)s) and role is not null)
    or exists (
        select from creators join orders on orders.creator_id = creators.id
        where (creators.account_id, orders.buyer_id) in (
                (%(one_id)s, %(other_id)s), (%(other_id)s, %(one_id)s))
            and orders.paid_at is not null);

-- name: last_texts
-- The sender's latest messages after the last one of the other, latest first.
select text from messages
where conversation_id = %(id)s and sender_id = %(sender_id)s and number > coalesce((
    select max(number) from messages where conversation_id = %(id)s and sender_id <> %(sender_id)s), 0)
order by number desc limit %(limit)s;

-- name: blocked_people
select accounts.id, accounts.username, case when accounts.avatar_id is not null then accounts.avatar_key end as avatar
from chat_blocks join accounts on accounts.id = chat_blocks.blocked_id
where chat_blocks.blocker_id = %(blocker_id)s
order by chat_blocks.blocked_id limit %(limit)s offset %(offset)s;

-- name: count_blocked_people
select count(*) from chat_blocks where blocker_id = %(blocker_id)s;

-- name: block
insert into chat_blocks (blocker_id, blocked_id, created_at) values (%(blocker_id)s, %(blocked_id)s, %(now)s)
on conflict do nothing;

-- name: unblock
delete from chat_blocks where blocker_id = %(blocker_id)s and blocked_id = %(blocked_id)s;

-- name: differences
-- The stored numbers of conversations that differ from a count of their messages.
select * from (
    select 'conversation' as of, conversations.id, counts.*
    from conversations cross join lateral (
        select count(*) as messages, coalesce(max(number), 0) as latest, coalesce(max(position), 0) as reached,
            count(*) filter (where sender_id <> low_id and number > low_read and deleted_at is null) as for_low,
            count(*) filter (where sender_id <> high_id and number > high_read and deleted_at is null) as for_high
        from messages where messages.conversation_id = conversations.id
    ) counted cross join lateral (values
        ('last_number', last_number::bigint, messages), ('last_number', last_number, latest),
        ('position', position, greatest(position, reached)),
        ('low_unread', low_unread, for_low), ('high_unread', high_unread, for_high)
    ) counts (what, stored, counted)
) compared
where stored <> counted order by id limit %(limit)s;

-- name: export_messages
-- Sent and received, with the names under which the other side is shown. Pages go by conversation and number.
with mine as (
    select id from conversations
    where (low_id = %(account_id)s or high_id = %(account_id)s) and id >= %(after)s::bigint >> 31
), page as (
    select mine.id as conversation_id, sent.id, sent.number
    from mine cross join lateral (
        select id, number from messages
        where conversation_id = mine.id
            and (mine.id > %(after)s::bigint >> 31 or number > %(after)s::bigint & 2147483647)
        order by number limit %(limit)s
    ) sent
    order by mine.id, sent.number limit %(limit)s
)
select (page.conversation_id << 31) + page.number as id, page.id as message_id, page.conversation_id, sender_id,
    username as sender, text, answer_id, sent_at, edited_at, deleted_at,
    case when sender_id = %(account_id)s then files end as files
from page join shown_messages on shown_messages.id = page.id
order by page.conversation_id, page.number;

-- name: export_blocks
select blocked_id as id, blocked_id, created_at from chat_blocks
where blocker_id = %(account_id)s and blocked_id > %(after)s order by blocked_id limit %(limit)s;

-- name: lock_conversations_of
-- Numbers and positions are given out under these locks.
select id from conversations where low_id = %(account_id)s or high_id = %(account_id)s order by id for no key update;

-- name: erase_messages
-- As if the person had deleted each message: the other side sees when it was sent and that it is gone.
with changed as (
    select messages.id, messages.conversation_id, conversations.position
        + row_number() over (partition by messages.conversation_id order by messages.number) as at
    from messages join conversations on conversations.id = messages.conversation_id
    where messages.sender_id = %(account_id)s and messages.deleted_at is null
), moved as (
    update conversations set position = position + counted.messages,
        low_unread = case when low_id = %(account_id)s then low_unread else 0 end,
        high_unread = case when high_id = %(account_id)s then high_unread else 0 end
    from (select conversation_id, count(*) as messages from changed group by conversation_id) counted
    where conversations.id = counted.conversation_id
)
update messages set text = '', deleted_at = %(now)s, changed_position = changed.at
from changed where messages.id = changed.id;

-- name: erase_client_ids
-- The other messages were deleted before; clients name messages as they like.
update messages set client_id = null where sender_id = %(account_id)s and client_id is not null;

-- name: erase_attachments
delete from message_files where message_id in (select id from messages where sender_id = %(account_id)s);

-- name: erase_blocks
delete from chat_blocks where blocked_id = %(account_id)s or blocker_id = %(account_id)s;

-- name: refuse_messages
-- Those who wrote to the person before cannot do so again.
insert into chat_blocks (blocker_id, blocked_id, created_at)
select %(account_id)s, case when low_id = %(account_id)s then high_id else low_id end, %(now)s from conversations
where low_id = %(account_id)s or high_id = %(account_id)s
on conflict do nothing;
