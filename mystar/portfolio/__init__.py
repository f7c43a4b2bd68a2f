"""What creators show: their works with pictures, and their whole page.

A work is an item with a cover and a few images in an order that the creator chooses. Works are public; only their
creator changes them. Changing an item or its images locks the item, so that an edit of a deleted item finds nothing and
its uploads are discarded. A picture that is replaced or deleted is discarded in the same transaction.

`showcase` is the whole page of a creator: profile, pricing of a greeting, skills and works. It is here because
no domain below can see all of them.
"""
