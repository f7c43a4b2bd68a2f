"""How many orders a creator works on at once, and the endpoints where creators say so (D71).

Whether an order is taken is decided when it is placed, under the lock of the creator's row. What the catalogue shows is
kept beside it: set when the last place is taken, cleared when a place is free again, and recounted every minute.
"""
