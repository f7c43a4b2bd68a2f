"""Orders: one life for every kind, from the wish to the finished work.

``process.py`` is the life itself, as a table of rules: who may do what, when, and what becomes of the order and its
money; what the system does when nobody does anything is in it, too. ``placing.py`` computes a price and freezes it,
``steps.py`` makes a step of the process true, ``service.py`` has the verbs, ``book.py`` what market reads, and
``tasks.py`` keeps the deadlines. Every verb is one transaction that locks the order's row, asks the table, writes the
row and its history, tells the listeners and aims the payment. The order is always locked before its payment, also when
it is the provider that has news.

Orders to the studio are rows of the same table with the same history and a life of two steps: ``studio.py`` has their
verbs, ``studio_rows.py`` their statements.
"""
