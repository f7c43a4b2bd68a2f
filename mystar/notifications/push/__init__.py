"""Web push of notifications: subscriptions of browsers, kinds that are muted, and sending through the outbox
(D72).

A notification marks its account as due in its own transaction, if the account has subscriptions. A task then puts one
message for each new notification and browser into the outbox; the outbox sends them.
"""
