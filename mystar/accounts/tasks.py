"""What accounts do by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from mystar.accounts.service import AccountService
from mystar.kit.background import every

_HOUR = 3600.0


def sweeping(accounts: AccountService) -> Callable[[object], AsyncIterator[None]]:
    """A cleanup context that forgets sessions and mailed links that ended long ago."""
    return every(_HOUR, accounts.sweep, name="account sweep")
