"""The serving process: event loop, signals, graceful shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Awaitable, Callable

import uvloop
from aiohttp import hdrs, web

from mystar.app import api_runner, create_app
from mystar.kit.keys import STOPPING
from mystar.kit.postgres.migrations import require_current
from mystar.kit.realtime.websocket import close_sockets
from mystar.kit.service_manager import notify
from mystar.kit.web.server import raise_open_files
from mystar.settings import Settings

Prepare = Callable[[web.Application], Awaitable[None]]

#: Timeout of aiohttp's own shutdown, for requests that did not end in time.
_CUT_OFF_SECONDS = 1.0


def serve(settings: Settings, dsn: str, announce: Callable[[str], None], prepare: Prepare | None = None) -> None:
    """Serve until SIGTERM or SIGINT; a second signal stops at once.

    :param announce: called with the address once requests are answered.
    :param prepare: runs on the started application before the first request; a signal cancels it.
    :raises SchemaBehind: the database lacks migrations; serving never changes a schema.
    :raises SystemExit: with code 1 after a second signal.
    """
    require_current(dsn)
    factory = uvloop.new_event_loop if settings.http.event_loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        try:
            runner.run(_serve(settings, dsn, announce, prepare))
        except asyncio.CancelledError:
            raise SystemExit("Stopped at once: requests in flight were cut off.") from None


async def _serve(settings: Settings, dsn: str, announce: Callable[[str], None], prepare: Prepare | None) -> None:
    stop, http = _stop_signal(), settings.http
    raise_open_files()
    app = await create_app(settings, dsn)
    app.on_response_prepare.append(_close_connection_while_stopping)
    runner = api_runner(app, handle_signals=False, shutdown_timeout=_CUT_OFF_SECONDS)
    try:
        await runner.setup()
        if prepare is not None and not await _finished(prepare(app), stop):
            return
        # Clients that reconnect all at once must wait, not be refused (Linux limits this to somaxconn).
        site = web.TCPSite(runner, http.host, http.port, backlog=4096)
        await site.start()
        # Objects built at start are never freed; the collector need not visit them.
        gc.collect()
        gc.freeze()
        announce(http.public_url)
        notify("READY=1")
        await stop.wait()
        notify("STOPPING=1")
        # From here on /readyz answers 503, so that load balancers send no more while requests are still accepted.
        app[STOPPING].set()
        await asyncio.sleep(http.drain_seconds)
        await site.stop()
        await close_sockets(app)
        await _requests_in_flight(runner, http.shutdown_seconds)
    finally:
        # Cancels remaining requests; then background tasks finish their row.
        if not _second_signal_received():
            await runner.cleanup()


async def _finished(work: Awaitable[None], stop: asyncio.Event) -> bool:
    """Whether the work ended before the signal to stop, which cancels it."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            return False
        await working
        return True
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def _requests_in_flight(runner: web.AppRunner, seconds: float) -> None:
    """Wait for requests in flight. aiohttp's own shutdown stops reading, so that an upload could not end."""
    assert runner.server is not None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            # aiohttp has no event for the end of the last request.
            while any(connection._request_in_progress for connection in runner.server.connections):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def _close_connection_while_stopping(request: web.Request, response: web.StreamResponse) -> None:
    """Close keep-alive connections after their next answer, so that clients connect to another process.

    The answer has to say so. A proxy that is not told sends the next request over a connection that is closed by then.
    """
    if request.app[STOPPING].is_set():
        response.force_close()
        # aiohttp has chosen the headers already, for a connection that is kept.
        if response.headers.get(hdrs.CONNECTION, "").lower() != "upgrade":
            response.headers[hdrs.CONNECTION] = "close"


def _stop_signal() -> asyncio.Event:
    """An event set by the first signal; the second signal cancels the main task: see `_second_signal_received`."""
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


def _second_signal_received() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
