"""What the bare servers have in common: their arguments, their event loop and their pool."""

from __future__ import annotations

import argparse
import asyncio

import aiopg
import uvloop
from aiohttp import web

from mystar.kit.security.tokens import derive

POOL = web.AppKey("pool", aiopg.Pool)
KEY = web.AppKey("key", str)


def run(app: web.Application, *, idle_connections: int, backlog: int) -> None:
    """Serve until the process is ended: ``python -m … DSN PORT KEY LOOP``. "serves" is printed once it does."""
    parser = argparse.ArgumentParser()
    for name, kind in (("dsn", str), ("port", int), ("key", str), ("loop", str)):
        parser.add_argument(name, type=kind)
    given = parser.parse_args()
    factory = uvloop.new_event_loop if given.loop == "uvloop" else asyncio.new_event_loop
    app[KEY] = derive(given.key, "tokens")
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(app, given.dsn, given.port, idle_connections, backlog))


async def _serve(app: web.Application, dsn: str, port: int, idle_connections: int, backlog: int) -> None:
    app[POOL] = await aiopg.create_pool(dsn, minsize=idle_connections, maxsize=10, enable_hstore=False)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=backlog).start()
    print("serves", flush=True)
    await asyncio.Event().wait()
