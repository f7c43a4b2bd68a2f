"""What creators sell: categories, tags and services.

A greeting is a service of a creator like any other. It is made with the creator, in the same transaction, without a
price; a creator is a star of the greetings dialect once it has a price and a category (contract D30). The star lists
are read in one query each, best first: those who are set on top, then by rating, then in the order they came.
"""
