"""Benchmarks: `scripts/bench`. Not a test; nothing fails but the measurement itself."""
