"""The process that serves: its loop, its signals, its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable

import uvloop
from aiohttp import web

from mystar.app import create_app
from mystar.contracts.system import STOPPING
from mystar.kit.migrations import require_current
from mystar.settings import Settings


def serve(settings: Settings, dsn: str, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends at once.

    :param announce: called with the address once requests are answered.
    :raises SchemaBehind: the database lacks migrations; serving never changes a schema.
    :raises SystemExit: with code 1 after a second signal.
    """
    require_current(dsn)
    factory = uvloop.new_event_loop if settings.http.event_loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        try:
            runner.run(_serve(settings, dsn, announce))
        except asyncio.CancelledError:
            raise SystemExit("Stopped at once: requests in flight were cut off.") from None


async def _serve(settings: Settings, dsn: str, announce: Callable[[str], None]) -> None:
    stop = _stop_signal()
    app = await create_app(settings, dsn)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=settings.http.shutdown_seconds)
    try:
        await runner.setup()
        await web.TCPSite(runner, settings.http.host, settings.http.port).start()
        # What was built at start lives for ever; the collector need not look at it again.
        gc.collect()
        gc.freeze()
        announce(settings.http.public_url)
        await stop.wait()
        # From here on /readyz refuses, so that nobody sends us more while the door is still open.
        app[STOPPING].set()
        await asyncio.sleep(settings.http.drain_seconds)
    finally:
        # Stops listening, tells the sockets, lets requests in flight end, then the tasks finish their row.
        if not _told_twice():
            await runner.cleanup()


def _stop_signal() -> asyncio.Event:
    """Set by the first signal; the second cancels whatever the process is still waiting for: see `_told_twice`."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    main = asyncio.current_task()

    def on_signal() -> None:
        if stop.is_set() and main is not None:
            main.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, on_signal)
    return stop


def _told_twice() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
