"""The process that serves: its loop, its signals, its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Awaitable, Callable

import uvloop
from aiohttp import web

from mystar.app import create_app
from mystar.contracts.system import STOPPING
from mystar.kit.postgres.migrations import require_current
from mystar.kit.realtime.websocket import close_sockets
from mystar.settings import Settings

Prepare = Callable[[web.Application], Awaitable[None]]

#: For those who did not end in their time; twice that for those who ignore being cancelled.
_CUT_OFF_SECONDS = 1.0


def serve(settings: Settings, dsn: str, announce: Callable[[str], None], prepare: Prepare | None = None) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends at once.

    :param announce: called with the address once requests are answered.
    :param prepare: what is to be done with the working application before the first request; a signal cuts it short.
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
    app = await create_app(settings, dsn)
    app.on_response_prepare.append(_part_after_this_answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_CUT_OFF_SECONDS)
    try:
        await runner.setup()
        if prepare is not None and not await _finished(prepare(app), stop):
            return
        # A storm of clients that come back at once must wait here, not be turned away (Linux cuts it to somaxconn).
        site = web.TCPSite(runner, http.host, http.port, backlog=4096)
        await site.start()
        # What was built at start lives for ever; the collector need not look at it again.
        gc.collect()
        gc.freeze()
        announce(http.public_url)
        await stop.wait()
        # From here on /readyz refuses, so that nobody sends us more while the door is still open.
        app[STOPPING].set()
        await asyncio.sleep(http.drain_seconds)
        await site.stop()
        await close_sockets(app)
        await _requests_in_flight(runner, http.shutdown_seconds)
    finally:
        # Cuts off what is left, then the tasks finish their row.
        if not _told_twice():
            await runner.cleanup()


async def _finished(work: Awaitable[None], stop: asyncio.Event) -> bool:
    """Whether the work came to its end before the word to stop, which cuts it short."""
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
    """Let them end. aiohttp's own shutdown drops whatever a client still sends, so that an upload could only be cut."""
    assert runner.server is not None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            # Nobody tells when the last one has ended.
            while any(connection._request_in_progress for connection in runner.server.connections):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def _part_after_this_answer(request: web.Request, response: web.StreamResponse) -> None:
    """Connections that are kept open must end, too: their clients come back to whoever serves next."""
    if request.app[STOPPING].is_set():
        response.force_close()


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
