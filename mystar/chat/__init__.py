"""Chat: conversations of two accounts, shared by all dialects (D31-D33).

Two accounts have one conversation, created by the first message. Its messages are numbered 1, 2, 3 … and every change
(a message, an edit, a deletion, a read mark) takes the next *position*. Both are assigned under the lock of the
conversation's row, so a reader that sees a position can read everything before it.

The tables are the log (law 8): `ChatService.after` returns what has changed since a position, each thing as it is now.
What was changed twice is returned once, so the log needs no rows of its own and never expires.
"""
