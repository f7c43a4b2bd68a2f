"""Idempotency-Key on every POST of the market dialect (D18, promise M3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import ClientResponse, web

from mystar.app import contracts
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from tests.conftest import Api
from tests.factory import PASSWORD, Factory
from tests.files.uploading import form
from tests.server_process import server_in
from tests.waiting import eventually

#: Where a key cannot be honoured, and why.
EXEMPT = {
    "/api/auth/token/": "the answer is a secret, which is never kept; logging in twice is harmless",
    "/api/auth/token/refresh/": "the same; a refresh token that is exchanged may be repeated anyway (D7)",
    "/api/auth/token/verify/": "changes nothing",
    **{
        f"/api/{version}portfolio/{{item_id:\\d{{1,18}}}}/view/": "changes nothing, and is not counted"
        for version in ("", "v1/")
    },
    "/api/auth/logout/": "afterwards the session that asked is dead, and so is every repetition",
    "/api/auth/password/change/": "the same",
    "/api/v1/users/me/reauthentication/": "once more has the same effect",
    "/api/users/me/reauthentication/": "the same",
    **{
        f"{prefix}{path}": "answers secrets, which are never kept; a challenge is used once"
        for prefix in ("/api/v1/users/me/", "/api/users/me/")
        for path in (
            *("reauthentication/options/", "factors/totp/", "factors/totp/confirm/", "factors/passkeys/options/"),
            *("factors/passkeys/", "factors/recovery-codes/"),
        )
    },
    "/api/auth/second-factor/": "the answer is a secret; a challenge is used once",
    "/api/auth/second-factor/passkey/": "changes nothing",
    "/api/auth/passkey/options/": "once more begins another sign-in",
    "/api/auth/passkey/": "the answer is a secret; a challenge is used once",
    **{
        f"{prefix}{path}": "asked for again, it is refused while the first is under way"
        for prefix in ("/api/v1/users/me/", "/api/users/me/")
        for path in ("export/", "erasure/")
    },
    "/api/auth/data-export/": "answers a file",
    "/api/auth/withdraw-erasure/": "answers a page; once more changes nothing",
    "/notifications/unsubscribe/": "answers a page; once more changes nothing",
    "/payouts/not-me/": "the same",
}
Post = Callable[[], Awaitable[ClientResponse]]


def test_every_post_honours_the_key_or_is_exempt_for_a_reason() -> None:
    market = next(contract for contract in contracts() if contract.name == "market")
    posts = [one for one in market.routes if one.method == "POST"]
    deaf = {one.path for one in posts if not getattr(one.handler, "__idempotent__", False)}
    assert deaf == set(EXEMPT)


def test_a_request_that_is_not_counted_keeps_no_key() -> None:
    """Each key is a row for two days: a guest could fill the table with them."""
    routes = [route for contract in contracts() for route in contract.routes]
    unlimited = [route for route in routes if hasattr(route.handler, "__unlimited__")]
    assert unlimited
    assert not [route.path for route in unlimited if hasattr(route.handler, "__idempotent__")]


async def insisting(post: Post, times: int = 200) -> list[dict[str, Any]]:
    """Send identical requests concurrently, repeating those answered with 409; returns the answers."""

    async def ask() -> dict[str, Any] | None:
        answer = await post()
        assert answer.status in (201, 409), await answer.text()
        body: dict[str, Any] = await answer.json()
        return body if answer.status == 201 else None

    return await asyncio.gather(*(eventually(ask, 60) for _ in range(times)))


async def test_two_hundred_concurrent_uploads_with_one_key_store_one_file(
    api: Api, app: web.Application, factory: Factory
) -> None:
    person = await factory.person()

    async def upload(content: bytes = b"hello", key: str = "k1") -> ClientResponse:
        headers = {"Idempotency-Key": key}
        return await api.post("/api/v1/files/upload/", data=form(file=("a.txt", content)), as_=person, headers=headers)

    answers = await insisting(upload)
    assert len({answer["id"] for answer in answers}) == 1
    assert await app[DATABASE].value("select count(*) from files") == 1
    assert (await upload()).headers["Idempotent-Replayed"] == "true"
    assert (await upload(b"other")).status == 422
    assert (await upload(key="k2")).status == 201


async def test_two_hundred_concurrent_messages_with_one_key_send_one_message(
    api: Api, app: web.Application, factory: Factory
) -> None:
    anna, boris = await factory.person(), await factory.person()
    opened = await api.post("/api/v1/conversations/", {"recipient_id": boris.id}, as_=anna)
    path = f"/api/v1/conversations/{(await opened.json())['id']}/messages/"
    said = {"message": "Привет"}
    answers = await insisting(lambda: api.post(path, said, as_=anna, headers={"Idempotency-Key": "k"}))
    assert len({answer["id"] for answer in answers}) == 1
    assert await app[DATABASE].value("select count(*) from messages") == 1
    # The key of another account is another key.
    assert (await api.post(path, said, as_=boris, headers={"Idempotency-Key": "k"})).status == 201


async def test_repeated_registrations_with_a_key_create_one_account(api: Api, app: web.Application) -> None:
    draft = {
        "username": "anna",
        "email": "anna@example.com",
        "password": PASSWORD,
        "first_name": "Анна",
        "last_name": "Петрова",
    }

    async def register(key: str = "a-random-key", **change: str) -> ClientResponse:
        return await api.post("/api/auth/register/", {**draft, **change}, headers={"Idempotency-Key": key})

    answers = await insisting(register, 20)
    assert len({answer["id"] for answer in answers}) == 1
    assert await app[DATABASE].value("select count(*) from accounts") == 1
    assert (await register(password="Another-Word-78")).status == 422
    assert (await register("another-random-key")).status == 409
    kept = await app[DATABASE].all("select * from idempotency_keys")
    assert PASSWORD not in str(kept)


async def test_a_retry_after_a_kill_repeats_no_effect(db: Database, dsn: str, tmp_path: Path) -> None:
    with server_in(tmp_path, DATABASE__URL=dsn) as server:
        person = {"username": "anna", "email": "anna@example.com", "password": PASSWORD}
        async with aiohttp.ClientSession(server.url) as client:
            await client.post("/api/auth/register/", json={**person, "first_name": "Анна", "last_name": "Петрова"})
            entered = await client.post("/api/auth/token/", json=person)
            headers = {"Authorization": (await entered.json())["access"], "Idempotency-Key": "k"}

        async def upload() -> dict[str, Any]:
            async with aiohttp.ClientSession(server.url, headers=headers) as client:
                answer = await client.post("/api/v1/files/upload/", data=form(file=("a.txt", b"hello")))
                return {"status": answer.status, **await answer.json()}

        asking = asyncio.create_task(upload())
        await eventually(lambda: db.value("select count(*) from files"))
        server.kill()
        with suppress(aiohttp.ClientError):
            await asking
        server.start()
        again = await upload()
        assert (again["status"], await db.value("select count(*) from files")) == (201, 1)
        assert again["id"] == await db.value("select id from files")
