"""Mailed links: their tokens are in no row of the database, and mails to unconfirmed addresses carry no names."""

from __future__ import annotations

import asyncio
import re
import uuid

import pytest
from aiohttp import web

from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.repository import AccountRepository
from mystar.kit.keys import DATABASE
from mystar.kit.outbox.model import OutboxMessage
from mystar.kit.postgres.database import Tx
from tests.conftest import Api
from tests.factory import Factory
from tests.sandbox_process import SandboxProcess
from tests.waiting import behind, eventually

NAME = "evil.example/free"


async def token_from_mail(sandbox: SandboxProcess, email: str) -> str:
    mail = await sandbox.wait_for_mail(email)
    (token,) = {found for link in mail["links"] for found in re.findall(r"token=(\w+)", link)}
    return str(token)


async def register(api: Api, email: str, name: str = "newcomer") -> None:
    draft = {"username": name, "first_name": name, "email": email, "password": "Greeting-for-Mum-77"}
    assert (await api.post("/api/auth/register/", draft)).status == 201


@pytest.mark.parametrize("purpose", ["confirm", "reset"])
async def test_the_token_of_a_sent_mail_is_in_no_row(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess, purpose: str
) -> None:
    email = f"newcomer-{purpose}@example.com"
    if purpose == "reset":
        email = (await factory.person()).email
        assert (await api.post("/password_reset/", {"email": email})).status == 200
    else:
        await register(api, email)
    token = await token_from_mail(sandbox_process, email)
    assert len(token) >= 32
    tables = await app[DATABASE].all(
        "select table_name as name from information_schema.tables where table_schema = 'public'"
    )
    for table in tables:
        found = f"select count(*) from {table['name']} rows where rows::text like %(pattern)s"
        assert await app[DATABASE].value(found, pattern=f"%{token}%") == 0, table


async def test_the_link_of_a_mail_works_once(api: Api, factory: Factory, sandbox_process: SandboxProcess) -> None:
    person = await factory.person(email="owner-of-a-link@example.com")
    await api.post("/password_reset/", {"email": person.email})
    token = await token_from_mail(sandbox_process, person.email)
    body = {"token": token, "password": "Another-Word-For-Mum-8"}
    at_once = await asyncio.gather(*(api.post("/password_reset/confirm/", body) for _ in range(2)))
    assert sorted(answer.status for answer in at_once) == [200, 404]
    assert (await api.post("/password_reset/confirm/", body)).status == 404


async def test_a_mail_to_an_unconfirmed_address_has_no_name(
    api: Api, app: web.Application, sandbox_process: SandboxProcess
) -> None:
    stranger = "stranger-to-mystar@example.com"
    await register(api, stranger, NAME)
    await api.post("/password_reset/", {"email": stranger})

    async def sent() -> bool:
        done = "select count(*) from outbox where done_at is not null and payload ->> 'to' = %(to)s"
        return await app[DATABASE].value(done, to=stranger) == 2

    await eventually(sent)
    for payload in await app[DATABASE].all("select payload from outbox where topic in ('mail', 'account_mail')"):
        assert NAME not in f"{payload['payload']['text']}{payload['payload']['html']}{payload['payload']['subject']}"


async def test_no_link_is_mailed_to_an_address_that_is_just_being_replaced(
    app: web.Application, factory: Factory
) -> None:
    """It would confirm the new address, which may be that of another person."""
    old, new, db = "owner-of-a-race@example.com", "victim-of-a-race@example.com", app[DATABASE]
    person = await factory.person(email=old)
    await db.execute("update accounts set email_verified_at = null where id = %(id)s", id=person.id)

    async def change(tx: Tx) -> None:
        await AccountRepository(tx).lock(person.id)
        change = "update accounts set email = %(email)s, email_key = %(email)s where id = %(id)s"
        await tx.execute(change, email=new, id=person.id)

    payload = {"purpose": "confirm_email", "email": old, "door": "market"}
    request = OutboxMessage(1, "link_request", None, uuid.uuid4(), payload, 1)
    await behind(db, change, lambda: app[ACCOUNTS]._links.send_requested(request))
    assert await db.value("select count(*) from mailed_tokens where account_id = %(id)s", id=person.id) == 0
