"""The server in Node that the service is compared with; its packages are installed when it is first measured."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mystar.kit.postgres.driver import parameters
from mystar.kit.postgres.queries import Query
from mystar.kit.security.tokens import derive
from tests.bench import bare_handlers, bare_sockets
from tests.bench.targets import Target
from tests.ports import unused_port
from tests.server_process import SECRET_KEY

_SOURCE = Path(__file__).with_name("node")
_QUERIES: Mapping[str, Query] = {
    "active_session": bare_handlers.ACCOUNTS.active_session,
    "services": bare_handlers.CATALOG.services,
    "order_entries": bare_handlers.ORDERS.order_entries,
    "deliveries": bare_handlers.ORDERS.deliveries,
    "timeline": bare_handlers.ORDERS.timeline,
    "payments_of_order": bare_handlers.PAYMENTS.payments_of_order,
    "place_order": bare_handlers.ORDERS.place_order,
    "add_event": bare_handlers.ORDERS.add_event,
    "add_earning": bare_handlers.EARNINGS.add_earning,
    "add": bare_handlers.NEWS.add,
    "send": bare_sockets.SEND,
}


def is_possible() -> bool:
    return shutil.which("node") is not None and shutil.which("npm") is not None


@contextlib.contextmanager
def node(directory: Path, dsn: str) -> Iterator[Target]:
    """:raises CalledProcessError: npm could not install the packages."""
    place, port = directory / "node", unused_port()
    if not place.exists():
        shutil.copytree(_SOURCE, place)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=place, check=True)
    told = place / f"{port}.json"
    told.write_text(json.dumps(_told(dsn, port)))
    with subprocess.Popen(["node", "server.mjs", told.name], cwd=place, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "the server in Node did not start"
            yield Target("node", port, process.pid)
        finally:
            process.kill()


def _told(dsn: str, port: int) -> dict[str, Any]:
    address = parameters(dsn)
    connection = {"host": address["host"], "port": int(address["port"]), "database": address["dbname"]}
    page, values = bare_handlers.PAGE
    statements = {name: _numbered(query) for name, query in _QUERIES.items()}
    statements["page"] = {"text": _positional(page), "order": [], "values": values}
    return {
        "port": port,
        "connection": connection | {"username": address["user"]},
        "key": derive(SECRET_KEY, "tokens"),
        "statements": statements,
        "entries": bare_handlers._ENTRIES,
    }


def _numbered(query: Query) -> dict[str, Any]:
    """``%(name)s`` as ``$1``."""
    order = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", query)))
    text = re.sub(r"%\((\w+)\)s", lambda found: f"${order.index(found[1]) + 1}", query)
    return {"text": text.replace("%%", "%"), "order": order}


def _positional(statement: str) -> str:
    parts = statement.split("%s")
    return "".join(part + (f"${number}" if number < len(parts) else "") for number, part in enumerate(parts, 1))
