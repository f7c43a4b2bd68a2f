"""The audit log: sign-ins, refusals, movements of money and actions of staff (promise S18).

Domains publish facts as events, and the log writes them in the same transaction; refusals have no transaction and are
written by a middleware. Every row is sealed as it is written: its hash includes the hash of the row before it, and the
end of each chain is signed with the service's key (`chain`). `verify` finds rows that were edited, removed or cut off;
a checkpoint outside the database (`checkpoint`) remembers the length of each chain, so that an older copy of the
database is noticed.

Rows are never changed or removed: the database refuses it. See docs/audit.md.
"""
