"""Staff accounts and what the operator does with them."""
