"""The database and the outbox of an application, and whether it is about to stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.kit.outbox.outbox import Outbox
    from mystar.kit.postgres.database import Database

DATABASE: web.AppKey[Database] = web.AppKey("database")
OUTBOX: web.AppKey[Outbox] = web.AppKey("outbox")
#: Set when the process has been asked to stop: it finishes its requests and accepts no new ones.
STOPPING = web.AppKey("stopping", asyncio.Event)
