"""Implementations of `mystar.payments.provider.Gateway`."""
