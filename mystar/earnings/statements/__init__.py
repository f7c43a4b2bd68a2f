"""Monthly statements of what creators can be paid: frozen, numbered, and chained by their hashes."""
