"""Alarms: what is wrong with the installation, mailed to its owners once, and again when it is over (D78)."""
