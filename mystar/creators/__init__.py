"""Creators, who are the stars of the greetings dialect: profiles, skills, votes, likes and favourites.

A creator is an account that sells. There is one vote, one like and one favourite per account and creator; the row of
the creator has the sums, updated in the transaction of the vote or like, so that lists need not count, and `recount`
verifies them. CreatorCreated is published in the transaction that creates a profile: the catalogue adds the greeting.
"""
