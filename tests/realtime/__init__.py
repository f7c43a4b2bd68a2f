"""Sockets: what they say, what they refuse, and that they lose nothing."""
