"""Every operation that changes something has a limit, and what costs others has one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mystar.app import contracts
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.security.rate_limits import RateLimits
from mystar.notifications.repository import NotificationRepository
from mystar.settings import Settings
from tests.access.objects import make_objects
from tests.access.rights import PANEL, RIGHTS
from tests.access.test_matrix import ALL, ask, plain
from tests.conftest import Api
from tests.factory import Factory

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
GENERAL = {"write", "guest_write"}
#: Also in docs/limits.md. The panel is left out: its users are staff.
UNLIMITED = {
    "POST /payments/notifications/",
    "POST /api/star/filter/",
    "POST /api/auth/token/verify/",
    "POST /api/portfolio/{item_id}/view/",
}


@pytest.fixture
def settings(make_settings: Callable[..., Settings], request: pytest.FixtureRequest) -> Settings:
    return make_settings(**getattr(request, "param", {}))


@pytest.mark.parametrize(
    "settings",
    [{"LIMITS__ENABLED": "true", "LIMITS__WRITE": "1/hour", "LIMITS__GUEST_WRITE": "1/hour"}],
    indirect=True,
)
async def test_every_operation_that_changes_something_has_a_limit(
    app: web.Application, api: Api, factory: Factory
) -> None:
    person, unlimited = await factory.person(), set()
    await api.patch("/api/v1/notifications/settings/", {"email": False}, as_=person)
    await api.post("/api/auth/token/verify/", {"token": "x"})
    await api.post("/api/auth/token/refresh/", {"refresh": "x"})
    for contract in contracts():
        for route in contract.routes:
            if route.method not in WRITES or route.name.startswith("admin."):
                continue
            path = _filled(plain(route).partition(" ")[2])
            guest = getattr(route.handler, "__access__", None) is None
            answer = await api.request(route.method, path, as_=None if guest else person, json={})
            said = f"{plain(route)}: {answer.status} {await answer.text()}"
            if hasattr(route.handler, "__unlimited__"):
                unlimited.add(plain(route))
                continue
            assert answer.status == 429, said
            assert int(answer.headers["Retry-After"]) > 0, said
            assert answer.content_type in ("application/json", "text/html"), said
    assert unlimited >= UNLIMITED
    page = (Path(__file__).parents[2] / "docs" / "limits.md").read_text()
    for operation in UNLIMITED:
        assert operation.partition(" ")[2].replace("item_id", "id") in page, operation


def _filled(path: str) -> str:
    return "/".join("1" if part.startswith("{") else part for part in path.split("/"))


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """What handlers counted, and what they caused: rows of the outbox and notifications."""
    found: dict[str, set[str]] = {"hits": set(), "effects": set()}

    def record(owner: type, name: str, kind: str, argument: int) -> None:
        original = getattr(owner, name)

        async def recording(*given: Any, **named: Any) -> Any:
            task = asyncio.current_task()
            if task is not None and "RequestHandler" in getattr(task.get_coro(), "__qualname__", ""):
                found[kind].add(str(given[argument]))
            return await original(*given, **named)

        monkeypatch.setattr(owner, name, recording)

    record(RateLimits, "hit", "hits", 1)
    for name in ("put", "enqueue"):
        record(Outbox, name, "effects", 2)
    for name in ("add", "enqueue"):
        record(NotificationRepository, name, "effects", 1)
    return found


async def test_operations_that_mail_notify_or_call_a_provider_have_a_limit_of_their_own(
    app: web.Application, api: Api, factory: Factory, recorded: dict[str, set[str]]
) -> None:
    objects, order, seen, missing = await make_objects(app, api, factory), list(RIGHTS), 0, []
    operations = [(route, rights) for route, rights in ALL if rights and rights is not PANEL and plain(route) in RIGHTS]
    for route, rights in sorted(operations, key=lambda pair: order.index(plain(pair[0]))):
        for letter, person in objects.people(rights.whose).items():
            if letter != "a" and letter in rights.allowed and route.method in WRITES:
                for one in recorded.values():
                    one.clear()
                await ask(api, objects, route, rights, person)
                if recorded["effects"]:
                    seen += 1
                    if not recorded["hits"] - GENERAL:
                        missing.append(f"{plain(route)} by {letter}: {recorded['effects']}")
    assert missing == []
    assert seen >= 10
