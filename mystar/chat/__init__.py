"""Chat: conversations of two people, the same at every door (D31-D33).

Two people have one conversation, made by whoever writes first. Its messages are numbered 1, 2, 3 … and every change of
it (a message, an edit, a deletion, a read mark) takes the next *position*; both are given out under the lock of the
conversation's row, so whoever sees a position has seen, or can read, everything before it.

The tables are the log (law 8): `ChatService.after` answers whatever has changed since a position, each
thing as it is now. What was changed twice is told once, so the log needs no rows of its own and forgets nothing.
"""
