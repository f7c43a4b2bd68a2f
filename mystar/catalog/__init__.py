"""What creators sell: services with options and tags, in categories, found by words and filters.

The greeting of a creator is a service like any other. It is created with the creator, in the same transaction, without
a price; a creator is a star of the greetings dialect once it has a price and a category (D30). Stars are listed by
`is_top`, then by rating, then by age.

`listings` creates, changes and finds services; `service` has the stars and what an order needs to know of a service;
`taxonomy` edits categories and tags. Whether a service can be seen and bought is one column, `is_listed`; the number of
listed services by category is kept by triggers and verified by `check`. Search (`search`, `search_repository`) stems
Russian and English, tolerates misspellings by comparing with the words of all services, and ranks a bounded number of
matches however common a word is.
"""
