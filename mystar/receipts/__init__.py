"""Receipts (54-FZ): what the cash register is told of captures, completions and refunds.

The content follows the scheme of the installation: `own` (the platform sells), `agent` (it acts for the creator, whose
details are in the receipt), `fee_only` (only its commission is its revenue), or `none`. A receipt is sent after the
payment, apart from it, because supplier and agent cannot be named in a payment. What the provider refuses is shown to
staff and not repeated by itself.
"""
