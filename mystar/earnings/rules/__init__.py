"""Commission rules: ordered, dated, never edited; the first one that matches an order is frozen on it."""
