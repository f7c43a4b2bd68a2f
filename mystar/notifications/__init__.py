"""Notifications of accounts about their orders, reviews and messages, in their own language.

Listeners write a row in the transaction of the event, so a notification exists exactly if its cause does. A row keeps
the kind and the data, not the text. The ids of one account become visible in their order, so the table is the log that
WebSockets replay.

Changes of orders are mailed at once. Other notifications that stay unread for some time are mailed as one digest,
unless the account has switched it off.
"""
