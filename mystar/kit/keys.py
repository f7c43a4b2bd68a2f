"""The database and the outbox of an application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.kit.outbox.outbox import Outbox
    from mystar.kit.postgres.database import Database

DATABASE: web.AppKey[Database] = web.AppKey("database")
OUTBOX: web.AppKey[Outbox] = web.AppKey("outbox")
