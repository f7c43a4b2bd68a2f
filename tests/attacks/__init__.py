"""Attacks on a server process of its own, and what they cost it and a normal client.

    python -m tests.attacks
    python -m tests.attacks --seconds 5 --only A1

The suite runs the short form, half a second of each.
"""
