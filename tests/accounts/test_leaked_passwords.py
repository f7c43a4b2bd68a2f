"""Passwords known from leaks are refused by a range service, which sees five digits of a hash."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import PASSWORD, Factory

LEAKED, PADDING = "A-Leaked-Word-For-Mum-7", "Padding-Word-For-Mum-7"


def digest(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


class Service:
    """A range service; ``down`` answers 503."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.down:
            return web.Response(status=503)
        lines = [f"{digest(LEAKED)[5:]}:12", f"{digest(PADDING)[5:]}:0", "0" * 35 + ":3"]
        return web.Response(text="\r\n".join(lines))


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, str]]:
    service, app = Service(), web.Application()
    app.router.add_get("/range/{prefix}", service.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield service, str(server.make_url("/range"))


@pytest.fixture
def settings(make_settings: Callable[..., Settings], service: tuple[Service, str]) -> Settings:
    return make_settings(PASSWORDS__BREACH_URL=service[1])


async def register(api: Api, name: str, password: str) -> int:
    draft = {"username": name, "email": f"{name}@example.com", "password": password}
    return (await api.post("/api/auth/register/", draft)).status


async def test_a_leaked_password_is_refused(api: Api, factory: Factory, service: tuple[Service, str]) -> None:
    assert await register(api, "leaked", LEAKED) == 422
    assert await register(api, "padded", PADDING) == 201, "a line of padding has the count 0"
    person = await factory.person(channel="market")
    change = {"old_password": PASSWORD, "new_password": LEAKED}
    answer = await api.post("/api/auth/password/change/", change, as_=person)
    assert (answer.status, list((await answer.json())["errors"])) == (422, ["new_password"])
    asked = service[0].asked
    assert all(len(path.rpartition("/")[2]) == 5 for path in asked), "never more than five digits"
    assert f"/range/{digest(LEAKED)[:5]}" in asked


async def test_without_an_answer_passwords_are_accepted(api: Api, service: tuple[Service, str]) -> None:
    service[0].down = True
    assert await register(api, "unasked", LEAKED) == 201
