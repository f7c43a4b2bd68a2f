"""The endpoint that proxies of other services call: it names the account of a token, and does nothing else.

See docs/dialects/messenger.md.
"""

from __future__ import annotations

import jwt
import pytest
from aiohttp import web

from mystar.accounts.keys import STAFF
from mystar.kit.keys import DATABASE
from tests.conftest import Api
from tests.contracts.messenger.test_accounts import refused
from tests.factory import Factory, Person, actor

GATEWAY = "/gateway/get-token/"


@pytest.fixture
async def anna(factory: Factory) -> Person:
    return await factory.person(channel="messenger")


async def test_a_valid_token_names_its_account(api: Api, anna: Person) -> None:
    for authorization in (anna.token, f"Bearer {anna.token}"):
        answer = await api.get(GATEWAY, headers={"Authorization": authorization})
        assert answer.status == 200
        assert answer.headers["X-Account-Id"] == str(anna.id)
        assert answer.headers["Cache-Control"] == "no-store"
        expire = jwt.decode(anna.token, options={"verify_signature": False})["exp"]
        assert await answer.json() == {"token": anna.token, "expire": expire}
    head = await api.request("HEAD", GATEWAY, as_=anna)
    assert (head.status, head.headers["X-Account-Id"], await head.read()) == (200, str(anna.id), b"")


async def test_access_tokens_of_all_dialects_are_valid_and_refresh_tokens_are_not(api: Api, factory: Factory) -> None:
    for dialect in ("market", "greetings", "messenger", "studio", "identity"):
        person = await factory.person(channel=dialect)
        assert (await api.get(GATEWAY, as_=person)).status == 200
        if person.refresh is not None:
            await refused(await api.get(GATEWAY, headers={"Authorization": person.refresh}), 401)


async def test_an_invalid_token_is_refused(api: Api, anna: Person) -> None:
    head, body, signature = anna.token.split(".")
    for authorization in (
        "",
        "Bearer",
        "Bearer x",
        "Basic YTpi",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[::-1]}",
    ):
        answer = await api.get(GATEWAY, headers={"Authorization": authorization, "X-Account-Id": "1"})
        assert "X-Account-Id" not in answer.headers
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        await refused(answer, 401)
    await refused(await api.get(GATEWAY, params={"token": anna.token}), 401)
    await refused(await api.post(GATEWAY, as_=anna), 405)


async def test_tokens_of_ended_sessions_and_blocked_accounts_are_refused(
    api: Api, app: web.Application, anna: Person, factory: Factory
) -> None:
    boris = await factory.person()
    assert (await api.get(GATEWAY, as_=boris)).status == 200
    assert (await api.post("/api/auth/logout/", as_=anna)).status == 204
    await app[STAFF].block(actor(await factory.staff(), "owner"), boris.id)
    for person in (anna, boris):
        assert (await api.request("HEAD", GATEWAY, as_=person)).status == 401


async def test_checking_a_token_changes_nothing(api: Api, app: web.Application, anna: Person) -> None:
    async def everything() -> list[object]:
        tables = ("accounts", "sessions", "outbox")
        return [await app[DATABASE].all(f"select {name}.* from {name} order by id") for name in tables]

    before = await everything()
    answers = {(await (await api.get(GATEWAY, as_=anna)).read()) for _ in range(20)}
    assert len(answers) == 1
    assert await everything() == before
