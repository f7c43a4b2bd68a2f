"""The sandbox as a process: sockets, command line, start and stop."""

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson
from aiohttp import web

from mystar.sandbox.app import AGENT_ID, PAYOUT_SECRET_KEY, SECRET_KEY, SHOP_ID, Settings, build_app
from mystar.sandbox.journal import JournalBroken, JournalBusy
from mystar.sandbox.mail import MAILBOX
from mystar.sandbox.pages import FAULTS
from mystar.sandbox.smtp import smtp_sink
from mystar.sandbox.yookassa.api import PREFIX

HOST, HTTP_PORT, SMTP_PORT = "127.0.0.1", 8090, 8025
ADDRESSES = "sandbox.json"
# Seconds after which hanging calls are cut off when the sandbox stops.
STOP_TIMEOUT = 0.5
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Addresses:
    """Where the doubles listen, in the form that the service's settings take."""

    http: str
    smtp: str
    yookassa: str


@asynccontextmanager
async def running(
    http: socket.socket, smtp: socket.socket, *, data_dir: Path, public_url: str | None = None, **settings: Any
) -> AsyncIterator[Addresses]:
    """Serve on these two listening sockets until the block ends; `settings` are those of app.Settings.

    Raises JournalBusy, JournalBroken.
    """
    address = f"http://{_client_address(http)}"
    app = build_app(Settings(data_dir=data_dir, public_url=public_url or address, **settings))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_TIMEOUT)
    await runner.setup()
    try:
        async with smtp_sink(smtp, app[MAILBOX].store, app[FAULTS]):
            await web.SockSite(runner, http).start()
            yield Addresses(http=address, smtp=_client_address(smtp), yookassa=f"{address}{PREFIX}")
    finally:
        await runner.cleanup()


def run_sandbox(
    host: str = HOST,
    http_port: int = HTTP_PORT,
    smtp_port: int = SMTP_PORT,
    data_dir: Path | str = Path("var/sandbox"),
    webhook_url: str | None = None,
    shop_id: str = SHOP_ID,
    secret_key: str = SECRET_KEY,
    agent_id: str = AGENT_ID,
    payout_secret_key: str = PAYOUT_SECRET_KEY,
    *,
    public_url: str | None = None,
    people: Sequence[tuple[str, str]] = (),
    die_with_parent: bool = False,
) -> None:
    """Run until SIGTERM or SIGINT. Port 0 means any free one.

    The chosen addresses are printed as one line of JSON and kept in `<data_dir>/sandbox.json` while the sandbox runs.
    """
    if die_with_parent:
        _die_with_parent()
    asyncio.run(
        _serve(
            host,
            http_port,
            smtp_port,
            Path(data_dir),
            webhook_url=webhook_url,
            shop_id=shop_id,
            secret_key=secret_key,
            agent_id=agent_id,
            payout_secret_key=payout_secret_key,
            public_url=public_url,
            people=people,
        )
    )


async def _serve(host: str, http_port: int, smtp_port: int, data_dir: Path, **settings: Any) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with listen(host, http_port) as http, listen(host, smtp_port) as smtp:
        async with running(http, smtp, data_dir=data_dir, **settings) as addresses:
            with _published(data_dir / ADDRESSES, addresses):
                await stop.wait()


@contextmanager
def _published(path: Path, addresses: Addresses) -> Iterator[None]:
    """Print the addresses and keep them in a file while the block runs."""
    line = orjson.dumps(addresses)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(line + b"\n")
    fresh.replace(path)
    print(line.decode(), flush=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def listen(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def _client_address(listening: socket.socket) -> str:
    """host:port for a client on this machine; a wildcard address cannot be called."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _die_with_parent() -> None:
    """Ask the kernel (Linux only) for SIGTERM when the thread that started this process is gone."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the parent died before the sandbox was up")


@click.command("sandbox", context_settings={"show_default": True})
@click.option("--host", default=HOST, help="Address to listen on.")
@click.option(
    "--http-port", default=HTTP_PORT, type=click.IntRange(0, 65535), help="Pages, JSON, YooKassa; 0 = any free."
)
@click.option("--smtp-port", default=SMTP_PORT, type=click.IntRange(0, 65535), help="The SMTP sink; 0 = any free.")
@click.option("--data-dir", default="var/sandbox", type=click.Path(file_okay=False, path_type=Path), help="Journals.")
@click.option("--webhook-url", default=None, help="Where YooKassa's notifications go; none when absent.")
@click.option("--shop-id", default=SHOP_ID, help="Name for HTTP Basic of payments.")
@click.option("--secret-key", default=SECRET_KEY, help="Password for HTTP Basic of payments.")
@click.option("--agent-id", default=AGENT_ID, help="Name for HTTP Basic of payouts.")
@click.option("--payout-secret-key", default=PAYOUT_SECRET_KEY, help="Password for HTTP Basic of payouts.")
@click.option("--public-url", default=None, help="Where a browser finds the sandbox, when not at its own address.")
@click.option(
    "--people",
    multiple=True,
    nargs=2,
    metavar="LOGIN PASSWORD",
    help="An account offered by the live page; may be repeated.",
)
@click.option("--die-with-parent", is_flag=True, help="Stop when the starting process is gone (Linux).")
def sandbox_command(**options: Any) -> None:
    """Run the third parties for development: an SMTP sink, a YooKassa double and sign-in providers, with faults."""
    try:
        run_sandbox(**options)
    except (JournalBusy, JournalBroken, OSError) as error:
        raise click.ClickException(str(error)) from error
