"""Reviews: what the buyer of a completed order says of it, once, and what the creator answers.

Who may write one, and when, is the order's business: the process has an action for it, which is over once it is done. A
review moves the creator's sums in its own transaction, and so does staff's hiding or showing it; `recount` proves them
against votes and reviews (D27). The facts ReviewWritten and ReviewAnswered are told to the other side by the
notifications.
"""
