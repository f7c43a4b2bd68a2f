-- expand
-- A refused receipt that staff send again has another key.

alter table receipts add column attempt integer not null default 1;
-- The panel's list, whole and by status.
create index receipts_created_idx on receipts (created_at desc, id desc);
create index receipts_status_created_idx on receipts (status, created_at desc, id desc);
create index receipts_order_created_idx on receipts (order_id, created_at desc, id desc);
create index receipts_payment_created_idx on receipts (payment_id, created_at desc, id desc);
