"""Reviews: what the buyer of a completed order writes about it, once, and the creator's reply.

Whether a review may be written is decided by the state machine of the order, which has an action for it. A review
changes the creator's sums in its own transaction, and so does hiding or showing it; `recount` verifies them against
votes and reviews (D27). The events ReviewWritten and ReviewAnswered are sent to the other party by the notifications.
"""
