"""Periodic tasks of accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from mystar.accounts.service import AccountService
from mystar.kit.background import every

_HOUR = 3600.0


def account_sweep(accounts: AccountService) -> Callable[[object], AsyncIterator[None]]:
    """A cleanup context that deletes old sessions and mailed links once an hour."""
    return every(_HOUR, accounts.sweep, name="account sweep")
