"""What creators sell: services with options and tags, in categories, found by words and filters.

A greeting is a service of a creator like any other. It is made with the creator, in the same transaction, without a
price; a creator is a star of the greetings dialect once it has a price and a category (D30). The star lists
are read in one query each, best first: those who are set on top, then by rating, then in the order they came.

`shop` is where creators put up services and people find them, `service` has the stars and what orders ask, `desk` what
the staff does. Whether anybody can see and buy a service is one column, `is_listed`; how many are, by category, is kept
by triggers and proven by `check`. A search (`index`, `search`) stems both languages, forgives slips by the words that
services have, and weighs a bounded number of them, however common a word is.
"""
