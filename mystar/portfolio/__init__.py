"""What creators show: their page, and their works with pictures.

A work is an item with a cover and a few images in an order of the creator's choosing; everybody may look, only its
creator may change it. Whoever changes an item or its images holds the item's lock, so an edit that comes too late finds
nothing, and the pictures that it brought are forgotten. A picture that is replaced, or whose item goes, is discarded in
the same transaction.

`showcase` is the whole page of a creator: the profile, what a greeting costs, skills and works. It lives here because
this is the first place from which all of them can be seen.
"""
