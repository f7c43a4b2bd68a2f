-- expand
-- The request that caused it: in rows of the outbox with its trace, and in the audit log, outside of the chain.

alter table outbox add column cause jsonb;
alter table audit_entries add column request_id text;
