"""Staff in the panel, as a browser without scripts would be there."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from aiohttp import ClientResponse, web

from mystar.accounts.model import Role
from tests.conftest import Api
from tests.factory import Factory, Person

_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass
class Panel:
    """Somebody signed in with a cookie. ``post`` fills in the token of the last page, unless told otherwise."""

    api: Api
    person: Person
    cookies: dict[str, str]
    token: str

    async def get(self, path: str, **options: object) -> ClientResponse:
        return await self.api.get(path, headers=self._headers(options), **options)

    async def page(self, path: str, status: int = 200) -> str:
        answer = await self.get(path)
        text = await answer.text()
        assert answer.status == status, text
        assert answer.content_type == "text/html"
        return text

    async def post(self, path: str, token: str | None = None, **fields: object) -> ClientResponse:
        values = {"form_token": self.token if token is None else token, **fields}
        options: dict[str, object] = {}
        return await self.api.post(path, data=values, headers=self._headers(options))

    def _headers(self, options: dict[str, object]) -> dict[str, str]:
        self.api.forget_cookies()
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Accept": "text/html", "Cookie": cookie, **options.pop("headers", {})}  # type: ignore[dict-item]


async def enter(api: Api, person: Person) -> Panel:
    """Through the form, as people do."""
    api.forget_cookies()
    form = await api.get("/admin/sign-in/", headers={"Accept": "text/html"})
    (token,) = _TOKEN.findall(await form.text())
    fields = {"form_token": token, "login": person.email, "password": person.password, "next": "/admin/accounts/"}
    answer = await api.post("/admin/sign-in/", data=fields, headers={"Accept": "text/html"})
    assert answer.status == 303, await answer.text()
    cookies = {name: answer.cookies[name].value for name in ("mystar_admin",)}
    panel = Panel(api, person, cookies, "")
    panel.token = _TOKEN.findall(await panel.page("/admin/accounts/"))[0]
    return panel


@pytest.fixture
async def as_role(api: Api, factory: Factory):
    async def come(role: Role) -> Panel:
        return await enter(api, await factory.staff(role))

    return come


@pytest.fixture
async def owner(as_role) -> Panel:
    return await as_role("owner")


@pytest.fixture
async def operator(as_role) -> Panel:
    return await as_role("operator")


@pytest.fixture
async def viewer(as_role) -> Panel:
    return await as_role("viewer")


__all__ = ["Panel", "enter", "web"]
