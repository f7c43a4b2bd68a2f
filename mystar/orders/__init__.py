"""Orders: one life for every kind, from the wish to the finished work.

``process.py`` is the life itself, as a table of rules: who may do what, when, and what becomes of the order and its
money. ``model.py`` has the order and its facts, ``service.py`` the verbs. Every verb is one transaction that locks the
order's row, asks the table, writes the row and its history, tells the listeners and aims the payment. The order is
always locked before its payment, also when it is the provider that has news.
"""
