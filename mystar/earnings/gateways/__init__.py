"""The providers of payouts, each behind the protocol of `mystar.earnings.payouts.provider`."""
