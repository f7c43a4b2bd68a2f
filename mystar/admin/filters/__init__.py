"""Filters of lists that a member of the staff has given a name."""
