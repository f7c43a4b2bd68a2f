"""Crowds against a server process of its own: promises T5, T6, T7 and T11, with numbers."""
