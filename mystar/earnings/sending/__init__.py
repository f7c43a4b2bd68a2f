"""Sending payouts through a provider: never twice, whatever is lost or killed on the way.

A part is marked as sent before the provider is called, with a key made of the part and its attempt. An answer that does
not come leaves it `unknown`: it is looked up at the provider before the call is repeated, the same key is used for 20
hours at most (the provider forgets it after 24), and only a person begins another attempt. `tasks.py` makes the calls,
`service.py` decides what an answer means, and `reconciliation.py` compares the provider's payouts with ours.
"""
