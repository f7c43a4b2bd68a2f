"""Mails to addresses that may be a stranger's carry no links but the service's own (D57)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jinja2 import meta

import mystar
from mystar.kit.keys import DATABASE
from mystar.kit.outbox.mail import Mailer, unlinked
from mystar.kit.web.templates import environment
from tests.conftest import Api
from tests.factory import Factory
from tests.sandbox_process import SandboxProcess

NAME = "Приз https://evil.example/win"
MAILS = Path(mystar.__file__).parent / "templates/mail"
KINDS = sorted({file.name.partition(".")[0] for file in MAILS.glob("*.txt")})


class Anything(int):
    """A number, a list of two, a text, and a row that has every key."""

    def __iter__(self) -> Iterator[Anything]:
        return iter([self, self])

    def __len__(self) -> int:
        return 2

    def __getitem__(self, key: object) -> str:
        return "x"

    def partition(self, _separator: str) -> tuple[str, str, str]:
        return "x", "", ""


class Kept:
    """An outbox that keeps what is put into it."""

    def __init__(self) -> None:
        self.payload: dict[str, Any] = {}

    async def enqueue(self, _tx: object, _topic: str, payload: dict[str, Any], **_further: Any) -> None:
        self.payload = payload


def values_of(kind: str, language: str) -> dict[str, Any]:
    """Something for every variable of the templates; names that carry a link for those that people choose."""
    jinja = environment()
    wanted: set[str] = set()
    for ending in ("txt", "html"):
        assert jinja.loader is not None
        source = jinja.loader.get_source(jinja, f"mail/{kind}.{language}.{ending}")[0]
        wanted |= meta.find_undeclared_variables(jinja.parse(source))
    named = {name: NAME for name in ("username", "star", "customer", "sender") if name in wanted}
    reserved = {"language", "unsubscribe", "brand"}
    return {**dict.fromkeys(wanted - reserved, Anything(3)), **named}


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_a_name_never_becomes_a_link_in_a_mail(language: str) -> None:
    named = 0
    for kind in KINDS:
        if kind == "layout":
            continue
        values = values_of(kind, language)
        kept = Kept()
        mailer = Mailer(kept, sender="x <x@example.com>", brand=str.title)  # type: ignore[arg-type]
        await mailer.queue(None, kind, "a@example.com", language, **values)  # type: ignore[arg-type]
        for part in ("subject", "text", "html"):
            assert "evil.example" not in kept.payload[part], f"{kind}: {part}"
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
