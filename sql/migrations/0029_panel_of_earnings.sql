-- expand
-- What the panel's lists of earnings sort and filter by.

alter table creator_balances add column id bigint generated always as (creator_id) stored;
create index creator_balances_id_register_idx on creator_balances (id);
create index creator_balances_available_register_idx on creator_balances (available, id);
create index creator_balances_creator_register_idx on creator_balances (creator_id, id);
create index payouts_created_register_idx on payouts (created_at, id);
create index payouts_status_register_idx on payouts (status, created_at, id);
create index payouts_creator_register_idx on payouts (creator_id, created_at, id);
create index earning_entries_created_register_idx on earning_entries (created_at, id);
create index earning_entries_account_register_idx on earning_entries (account, created_at, id);
create index earning_entries_kind_register_idx on earning_entries (kind, created_at, id);
create index statements_created_register_idx on statements (created_at, id);
create index chargebacks_created_register_idx on chargebacks (created_at, id);
create index chargebacks_bearer_register_idx on chargebacks (bearer, created_at, id);
