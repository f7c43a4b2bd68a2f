"""What happened, for whoever has to find out later: sign-ins, refusals, money, and whatever staff do (promise S18).

Facts come up from the domains as events and are written in the transaction that makes them true; refusals have none and
are written by a middleware. A row is sealed as it is written: its hash contains the one before it, and the end of each
chain is signed with the service's key (`chain`). `verify` finds what was edited, dropped or cut off; a witness outside
the database (`witness`) remembers how long the chains were, should somebody put an older database in place of ours.

Rows are never changed or removed, also not by us: the database refuses. See docs/audit.md.
"""
