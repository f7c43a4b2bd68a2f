"""The faults of an HTTP provider: those that strike before anything is done, and those that hide what was done."""

import asyncio
import uuid

from aiohttp import web

from mystar.sandbox.faults import Faults
from mystar.sandbox.pages import json


async def before_work(request: web.Request, faults: Faults) -> web.StreamResponse | None:
    """A provider that is down, slow or failing; None lets the call go on."""
    if faults["down"]:
        if request.transport is not None and faults.strikes("down", 0.5):
            request.transport.abort()
        return _failure(503, "service_unavailable", "The sandbox is told to be down")
    shortest, longest = faults["delay_seconds"]
    if longest:
        await asyncio.sleep(faults.seconds("delay_seconds", shortest, longest))
    if faults.strikes("error_before_work"):
        return _failure(500, "internal_server_error", "The sandbox is told to fail before the work")
    return None


async def after_work(faults: Faults) -> web.StreamResponse | None:
    """The work is done and journaled, and the caller cannot know."""
    if faults.strikes("hang_after_work.probability"):
        await asyncio.sleep(faults["hang_after_work.seconds"])
    if faults.strikes("error_after_work"):
        return _failure(500, "internal_server_error", "The sandbox is told to fail after the work")
    return None


def _failure(status: int, code: str, description: str) -> web.Response:
    return json({"type": "error", "id": str(uuid.uuid4()), "code": code, "description": description}, status)
