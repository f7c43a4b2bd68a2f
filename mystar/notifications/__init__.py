"""Notifications: whoever is concerned learns what happened, by mail, in his own language.

The service listens to the facts of orders and queues the mails in the very transaction that makes a fact true: an order
that was not placed is told of to nobody, and a told one was placed.
"""
