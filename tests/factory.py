"""Verbs that make what a test needs, through the verbs of the domains."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from mystar.accounts.access import ACCOUNTS
from mystar.accounts.model import Door, Draft, Role, Visitor

PASSWORD = "Greeting-for-Mum-77"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account who is signed in at one door."""

    id: int
    username: str
    email: str
    password: str
    token: str
    refresh: str | None


class Factory:
    """Every verb makes a new thing with names of its own; keywords say what matters to the test."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._numbers = itertools.count(1)

    # People

    async def person(
        self,
        username: str | None = None,
        *,
        email: str | None = None,
        password: str = PASSWORD,
        role: Role | None = None,
        door: Door = "greetings",
        **further: Any,
    ) -> Person:
        """Somebody whose e-mail is confirmed; ``further`` are fields of `Draft`."""
        number = next(self._numbers)
        username = username or f"person-{number}"
        draft = Draft(username, email or f"person-{number}@example.com", **further)
        accounts = self._app[ACCOUNTS]
        account = await accounts.create(draft, password, role=role)
        entered = await accounts.sign_in(account.id, Visitor(), door)
        return Person(account.id, username, str(draft.email), password, entered.access, entered.refresh)

    async def staff(self, role: Role = "owner") -> Person:
        return await self.person(role=role, door="house")
