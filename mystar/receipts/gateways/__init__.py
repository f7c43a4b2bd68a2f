"""The providers of receipts, each behind the protocol of `mystar.receipts.provider`."""
