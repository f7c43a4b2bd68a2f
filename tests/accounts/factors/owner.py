"""A person with second factors, and how a client enrols and uses them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyotp
from aiohttp import ClientResponse, web

from mystar.audit.keys import AUDIT
from mystar.audit.model import AuditEvent
from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE
from tests.accounts.factors.authenticator import Authenticator
from tests.conftest import Api
from tests.factory import Person

FACTORS = "/api/v1/users/me/factors/"
STEP = "/api/auth/second-factor/"
#: Seconds for which a code is the current one (RFC 6238).
_STEP = 30


class AheadClock(Clock):
    """Ten minutes behind, so that it can be moved without issuing tokens that are not valid yet.

    A step of codes begins with it: none ends by chance between two codes that are to be of the same step.
    """

    def __init__(self) -> None:
        self.ahead = timedelta(minutes=-10, seconds=-(super().now().timestamp() % _STEP))

    def now(self) -> Any:
        return super().now() + self.ahead

    def move(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Owner:
    """``secret``: of the authenticator application; every code is taken from a new step, unless asked otherwise."""

    api: Api
    person: Person
    clock: AheadClock
    secret: str = ""
    codes: tuple[str, ...] = ()

    async def add_totp(self) -> dict[str, Any]:
        begun = await self.made(f"{FACTORS}totp/")
        self.secret = begun["secret"]
        made = await self.made(f"{FACTORS}totp/confirm/", {"challenge": begun["challenge"], "code": self.code()})
        self.codes = tuple(made["recovery_codes"]) or self.codes
        return made

    async def add_passkey(self, authenticator: Authenticator, name: str = "") -> dict[str, Any]:
        options = await self.made(f"{FACTORS}passkeys/options/", {}, status=200)
        answer = authenticator.create(options["public_key"])
        draft = {"challenge": options["challenge"], "credential": answer, "name": name}
        made = await self.made(f"{FACTORS}passkeys/", draft)
        self.codes = tuple(made["recovery_codes"]) or self.codes
        return made

    def code(self, *, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(self.clock.now(), counter_offset=steps)

    def next_code(self) -> str:
        self.clock.move(_STEP)
        return self.code()

    async def made(self, path: str, body: Any = None, status: int = 201) -> Any:
        answer = await self.api.post(path, body or {}, as_=self.person)
        assert answer.status == status, await answer.text()
        return await answer.json()

    async def log_in(self) -> ClientResponse:
        return await self.api.post(
            "/api/auth/token/", {"username": self.person.email, "password": self.person.password}
        )

    async def challenge(self) -> str:
        """Of a log-in with the right password."""
        answer = await self.log_in()
        body = await answer.json()
        assert (answer.status, body["code"]) == (403, "second_factor_required"), body
        return str(body["challenge"])

    async def finish(self, challenge: str, code: str = "", **further: Any) -> ClientResponse:
        return await self.api.post(STEP, {"challenge": challenge, "code": code, **further})

    async def passkey_options(self, challenge: str) -> dict[str, Any]:
        answer = await self.api.post(f"{STEP}passkey/", {"challenge": challenge})
        assert answer.status == 200, await answer.text()
        options: dict[str, Any] = (await answer.json())["public_key"]
        return options


async def audited(app: web.Application, action: str) -> list[AuditEvent]:
    """The entries of an action, oldest first."""
    return [entry.event for entry in await app[AUDIT].tail(200) if entry.event.action == action]


async def mails(app: web.Application, subject: str) -> list[str]:
    """The texts of the queued mails about a subject; the clock of these tests is behind the one that sends them."""
    rows = await app[DATABASE].all("select payload from outbox where topic = 'account_mail' order by id")
    return [row["payload"]["text"] for row in rows if subject in row["payload"]["subject"]]


async def code_of(answer: ClientResponse) -> tuple[int, str | None]:
    """The status and the error code of an answer."""
    return answer.status, (await answer.json()).get("code")
