"""Money: holds, captures, releases and refunds at the provider, and the ledger that proves them.

Orders call ``start`` and ``set_goal`` in their own transactions and listen to the events that follow. A payment has a
*status*, which only an answer of the provider changes, and a *goal*: hold, capture or give back. ``state_machine.py``
has its rules: `transitions` turns a snapshot of the provider's payment into statuses and ledger moves, `next_call`
turns status and goal into the next call. A call is a row of the outbox with a fixed idempotency key, which
``tasks.py`` sends.
Its answer, a notification, a returning payer and the poll all end in ``settlement.py``, where a snapshot that adds
nothing changes nothing; so repeated, late and reordered answers do no harm, and neither does a crash in between.
``provider.py`` is the protocol of a provider, ``gateways/`` implements it, and ``reconciliation.py`` compares the
provider's payments, our payments and the ledger.
"""
