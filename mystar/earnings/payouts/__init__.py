"""Payouts: from a creator's request, or the schedule's, to money that has arrived."""
