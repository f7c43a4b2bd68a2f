-- expand
-- Conversations by activity, with indexes that most messages do not change, so that updates can be HOT.

alter table conversations
    -- The ten minutes of the latest message: by them an index is ordered, and within them a list.
    add column active_slot timestamptz not null
        generated always as (date_bin('10 minutes', active_at, timestamptz '2020-01-01 00:00:00+00')) stored,
    -- Room for new versions of rows in their own pages.
    set (fillfactor = 70);

drop index conversations_low_idx;
drop index conversations_high_idx;
create index conversations_low_idx on conversations (low_id, active_slot desc);
create index conversations_high_idx on conversations (high_id, active_slot desc);
