"""Creators, who are the stars of the greetings dialect: their profiles, and what people think of them.

A creator is an account that sells. One vote, one like and one favourite per person and creator; the creator's row
carries the sums, moved in the same transaction as the vote or like that causes them, so that lists need not count,
and `recount` proves them. Whoever becomes a creator is announced by CreatorCreated inside the transaction: the
catalogue makes the greeting service there.
"""
