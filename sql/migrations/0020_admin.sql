-- expand
-- What the lists of the panel are filtered and sorted by: a filter's column first, then the order of the list.

create index accounts_created_register_idx on accounts (created_at, id);
create index accounts_role_register_idx on accounts (role, created_at, id) where role is not null;
create index accounts_blocked_register_idx on accounts (created_at, id) where not is_active;
-- Found by how they begin, in whatever locale the database has.
create index accounts_username_prefix_register_idx on accounts (username_key text_pattern_ops);
create index accounts_email_prefix_register_idx on accounts (email_key text_pattern_ops);
create index accounts_phone_prefix_register_idx on accounts (phone text_pattern_ops);

create index creators_created_register_idx on creators (created_at, id);
create index creators_top_register_idx on creators (created_at, id) where is_top;
create index creators_likes_register_idx on creators (likes_count, id);

create index files_uploaded_register_idx on files (uploaded_at, id);
create index files_kind_register_idx on files (kind, uploaded_at, id);
create index files_size_register_idx on files (size, id);

create index services_created_register_idx on services (created_at, id);
create index services_kind_register_idx on services (kind, created_at, id);
create index services_withheld_register_idx on services (created_at, id) where is_withheld;
create index services_in_category_register_idx on services (category_id, created_at, id);
create index services_price_register_idx on services (base_price, id);
create index tags_prefix_register_idx on tags (key text_pattern_ops);
create index skills_created_register_idx on skills (created_at, id);
create index skills_prefix_register_idx on skills (key text_pattern_ops);

create index orders_created_register_idx on orders (created_at, id);
create index orders_kind_register_idx on orders (kind, created_at, id);
create index orders_money_register_idx on orders (money, created_at, id);
create index orders_price_register_idx on orders (total_price, id);

create index reviews_created_register_idx on reviews (created_at, id);
create index reviews_rating_register_idx on reviews (rating, created_at, id);
create index reviews_of_creator_register_idx on reviews (creator_id, created_at, id);
create index reviews_hidden_register_idx on reviews (created_at, id) where hidden_at is not null;

create index payments_created_register_idx on payments (created_at, id);
create index payments_goal_register_idx on payments (goal, created_at, id);
create index payments_amount_register_idx on payments (amount, id);
-- Holds that end soon.
create index payments_expiring_register_idx on payments (expires_at) where status = 'held';

create index ledger_entries_created_register_idx on ledger_entries (created_at, id);
create index ledger_entries_reason_register_idx on ledger_entries (reason, created_at, id);
create index ledger_entries_account_register_idx on ledger_entries (account, created_at, id);

-- An index that begins with the account tempts a planner without statistics to read all of it for the order of a group:
-- every entry would be checked against all there are. The entries of a payment are few; collect them first.
create or replace function ledger_accounts_stay_sound() returns trigger language plpgsql as $$
begin
    if exists (
        with entries as materialized (
            select account, currency, amount from ledger_entries where payment_id = new.payment_id
        )
        select from entries group by account, currency
        having case when account = 'payer' then sum(amount) > 0 else sum(amount) < 0 end
    ) then
        raise exception 'more money leaves an account of payment % than came', new.payment_id
            using errcode = 'check_violation', constraint = 'ledger_accounts_sound';
    end if;
    return null;
end
$$;

create index payment_discrepancies_provider_register_idx on payment_discrepancies (provider_id);

create index outbox_created_register_idx on outbox (created_at, id);
create index outbox_topic_register_idx on outbox (topic, created_at, id);
create index outbox_unsent_register_idx on outbox (created_at, id) where done_at is null;
create index outbox_lost_register_idx on outbox (created_at, id) where failed_at is not null;
create index outbox_name_prefix_register_idx on outbox (name text_pattern_ops);
create index outbox_recipient_register_idx on outbox (lower(payload ->> 'to')) where topic = 'mail';
