"""What the house costs, measured: `scripts/bench`. Not a test; nothing fails but the measurement itself."""
