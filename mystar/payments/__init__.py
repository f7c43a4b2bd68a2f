"""Money: holds, captures, releases and refunds at the provider, and the ledger that proves them."""
