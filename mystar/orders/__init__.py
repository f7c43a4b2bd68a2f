"""Orders: one life for every kind, from the wish to the finished work."""
