"""The panel, as a browser without scripts uses it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientResponse

from mystar.accounts.model import Role
from tests.conftest import Api
from tests.factory import Factory, Person

if TYPE_CHECKING:
    # Imported by pytest itself, which rewrites its assertions.
    from tests.sandbox_process import SandboxProcess

TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_PAGE = {"Accept": "text/html"}

AsRole = Callable[[Role], Awaitable["Panel"]]


@dataclass
class Panel:
    """A browser with a session cookie; ``token`` is the CSRF token of its forms."""

    api: Api
    person: Person
    cookie: str
    token: str = ""

    async def get(self, path: str) -> ClientResponse:
        return await self._ask("GET", path)

    async def page(self, path: str, status: int = 200) -> str:
        """The text of a page that must come with this status."""
        answer = await self.get(path)
        text = await answer.text()
        assert (answer.status, answer.content_type) == (status, "text/html"), text
        return text

    async def post(self, path: str, *, headers: dict[str, str] | None = None, **fields: object) -> ClientResponse:
        """Send a form, with the token unless ``form_token`` is given."""
        return await self._ask("POST", path, data={"form_token": self.token, **fields}, headers=headers or {})

    async def do(self, path: str, **fields: object) -> str:
        """Send a form that must succeed; returns where the browser is redirected."""
        answer = await self.post(path, **fields)
        assert answer.status == 303, await answer.text()
        return answer.headers["Location"].removesuffix("?done=1")

    async def _ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any
    ) -> ClientResponse:
        self.api.forget_cookies()
        given = {**_PAGE, "Cookie": f"mystar_admin={self.cookie}", **(headers or {})}
        return await self.api.request(method, path, headers=given, **options)


async def sign_in_token(api: Api) -> str:
    """The CSRF token of the sign-in form; the cookie that it is bound to stays with the client."""
    api.forget_cookies()
    page = await api.get("/admin/sign-in/", headers=_PAGE)
    (token,) = set(TOKEN.findall(await page.text()))
    return str(token)


async def submit_sign_in(api: Api, login: str, password: str, **fields: str) -> ClientResponse:
    """Submit the sign-in form."""
    values = {"form_token": await sign_in_token(api), "login": login, "password": password, **fields}
    return await api.post("/admin/sign-in/", data=values, headers=_PAGE)


async def sign_in(api: Api, person: Person) -> Panel:
    answer = await submit_sign_in(api, person.email, person.password)
    assert answer.status == 303, await answer.text()
    panel = Panel(api, person, answer.cookies["mystar_admin"].value)
    panel.token = TOKEN.findall(await panel.page(f"/admin/accounts/{person.id}/"))[0]
    return panel


@pytest.fixture
def as_role(api: Api, factory: Factory) -> AsRole:
    async def come(role: Role) -> Panel:
        return await sign_in(api, await factory.staff(role))

    return come


@pytest.fixture
async def owner(as_role: AsRole) -> Panel:
    return await as_role("owner")


@pytest.fixture
async def operator(as_role: AsRole) -> Panel:
    return await as_role("operator")


@pytest.fixture
async def viewer(as_role: AsRole) -> Panel:
    return await as_role("viewer")


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess) -> SandboxProcess:
    return sandbox_process
