"""Announcements of the owner to people of a kind, by notification and mail.

They are sent in the background, in batches of a bounded size; each person gets an announcement once.
"""
