"""Backups of an installation: its database, its files and the checkpoint of its audit log, in a folder or a bucket.

The database is dumped by pg_dump, a consistent snapshot. Files never change, so they are stored under the SHA-256 of
their contents and only new ones are copied. Everything may be encrypted with a key of the operator (`cipher`). A
manifest lists what belongs to a backup; it is written last, so that an interrupted backup is none.
"""
