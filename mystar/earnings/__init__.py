"""What creators earn: the commission of the platform, the creators' balances, and the payouts that empty them.

The ledger here stands above that of the payments: listeners add its entries in the transaction that moves the buyer's
money, so that the two never differ at any commit. Amounts are kopecks.
"""
