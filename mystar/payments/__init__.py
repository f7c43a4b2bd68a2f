"""Money: holds, captures, releases and refunds at the provider, and the ledger that proves them.

Whoever keeps the orders says ``start`` and ``aim`` in a transaction of his own and listens to what comes of it; the
rest is ours. A payment has a *status*, which only the provider's own word moves, and a *goal*: hold, capture or give
back. ``process.py`` says what follows: `steps` from a word to statuses and ledger moves, `pursue` from status and goal
to the next call. A call is an outbox row with a fixed key, made by ``tasks.py``; its answer, a webhook, a returning
payer and the poll all end in one place, ``settlement.py``, where a word that is not news changes nothing. So it does
not matter who tells what, how often, in which order, or who is killed in between. ``provider.py`` is what we ask of a
provider, ``gateways/`` who speaks to one, and ``reconciliation.py`` compares its book with ours.
"""
