"""Orders: one state machine for greetings and services, from placing to completion.

``state_machine.py`` is a table of rules: who may do what in which state, and what becomes of the order and its money,
deadlines included. ``placing.py`` computes the price and freezes it, ``transitions.py`` applies a transition,
``service.py`` has what callers can do, ``reads.py`` what the market dialect reads, and ``tasks.py`` runs what is due.
Every call is one transaction that locks the order's row, decides, updates the row, adds to its events, publishes, and
sets the goal of the payment. The order is always locked before its payment, also when an answer of the provider is
applied.

Orders to the studio are rows of the same table with the same events and a state machine of two steps; see ``studio/``.
"""
