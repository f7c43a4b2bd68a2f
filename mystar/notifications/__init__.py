"""Notifications: whoever is concerned learns what happened, in their own language.

Listeners hear the facts of orders and of chat and write a row in the very transaction that makes a fact true: what was
not done is told to nobody, and what was told was done. A row keeps the kind and the data, never a sentence. One
person's ids become visible in their order, so the table is the log that sockets replay.

What changes an order is mailed at once; what else stays unseen for some time comes as one digest, unless the person
has switched it off.
"""
