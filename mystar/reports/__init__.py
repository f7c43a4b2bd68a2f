"""Reports by users about services, reviews, messages and people, and what staff decide about them.

Reports about one object are one case. What the reporter saw is kept as it was.
"""
