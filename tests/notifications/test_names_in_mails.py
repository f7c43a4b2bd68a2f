"""Mails to addresses that may be a stranger's carry no links but the service's own (D57)."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.kit.outbox.mail import Mailer, unlinked
from mystar.kit.outbox.texts import built_in_mails
from mystar.texts.samples import values_of
from tests.conftest import Api
from tests.factory import Factory
from tests.sandbox_process import SandboxProcess

NAME = "Приз https://evil.example/win"


class Kept:
    """An outbox that keeps what is put into it."""

    def __init__(self) -> None:
        self.payload: dict[str, Any] = {}

    async def enqueue(self, _tx: object, _topic: str, payload: dict[str, Any], **_further: Any) -> None:
        self.payload = payload


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_a_name_never_becomes_a_link_in_a_mail(language: str) -> None:
    named = 0
    for name in built_in_mails():
        values = values_of(f"mail.{name}", language)
        values |= dict.fromkeys(("username", "star", "customer", "sender"), NAME)
        values.pop("brand")
        kept = Kept()
        mailer = Mailer(kept, sender="x <x@example.com>", brand=str.title)  # type: ignore[arg-type]
        await mailer.queue(None, name, "a@example.com", language, **values)  # type: ignore[arg-type]
        for part in ("subject", "text", "html"):
            assert "evil.example" not in kept.payload[part], f"{name}: {part}"
        named += unlinked(NAME) in kept.payload["text"]
    assert named > 5


async def test_mails_to_an_unconfirmed_address_contain_no_text_of_others(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    star, buyer = await factory.star(email="maybe-a-strangers@example.com"), await factory.person()
    wish = {"for_whom": "https://evil.example", "requirements": "https://evil.example/wish"}
    await factory.order(buyer, star, **wish)
    assert "evil.example" in (await sandbox_process.wait_for_mail(star.email, "новый заказ"))["text"]
    await sandbox_process.clear_mails()
    await app[DATABASE].execute("update accounts set email_verified_at = null where id = %(id)s", id=star.id)
    await factory.order(buyer, star, **wish)
    assert "evil.example" not in (await sandbox_process.wait_for_mail(star.email, "новый заказ"))["text"]
