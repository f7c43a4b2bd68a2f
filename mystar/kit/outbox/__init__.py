"""The outbox: work for the outside world, written in the transaction that causes it, and mail, its first user."""
