"""Steady mixed load for a while, and whether the service grows: memory, descriptors, tasks, dead rows (promise O7)."""
