"""Guessing passwords and probing for accounts (promises S3 to S6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from aiohttp import ClientResponse, web

from mystar.accounts.keys import ACCOUNTS, STAFF
from mystar.kit.postgres.database import Database
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, Person

SIEGE = {
    "LIMITS__ENABLED": "true",
    "LIMITS__LOGIN_ADDRESS": "1000/minute",
    "LIMITS__LOGIN_ACCOUNT": "3/minute",
    "LIMITS__LOGIN_KNOWN": "3/minute",
}
besieged = pytest.mark.parametrize("settings", [SIEGE], indirect=True)


@pytest.fixture
def settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    """Parametrize this indirectly to change a setting."""
    return make_settings(**getattr(request, "param", {}))


async def log_in(api: Api, person: Person, password: str = PASSWORD, **headers: str) -> ClientResponse:
    return await api.post("/api/auth/token/", {"username": person.email, "password": password}, headers=headers)


async def lock_account(api: Api, person: Person) -> None:
    for _ in range(3):
        assert (await log_in(api, person, "Wrong-Word-42")).status == 401
    assert (await log_in(api, person)).status == 429, "strangers with the right password are strangers"


def device_of(answer: ClientResponse) -> str:
    """The device cookie, which scripts cannot read."""
    cookie = answer.cookies["mystar_device"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    answer.cookies.clear()
    return f"mystar_device={cookie.value}"


@besieged
async def test_a_known_device_logs_in_while_the_account_is_locked(api: Api, factory: Factory) -> None:
    person, other = await factory.person(channel="market"), await factory.person(channel="market")
    mark, foreign = device_of(await log_in(api, person)), device_of(await log_in(api, other))
    api.forget_cookies()
    await lock_account(api, person)
    forged = mark.replace(f"={person.id}.", f"={other.id}.")
    for wrong in (foreign, forged, f"{mark}0", f"mystar_device={person.id}..", "mystar_device=", "mystar_device=я.я"):
        assert (await log_in(api, person, Cookie=wrong)).status == 429, wrong
        api.forget_cookies()
    assert (await log_in(api, person, Cookie=mark)).status == 200


@besieged
@pytest.mark.parametrize("kind", ["token", "refresh"])
async def test_an_active_session_logs_in_while_the_account_is_locked(api: Api, factory: Factory, kind: str) -> None:
    person, other = await factory.person(channel="market"), await factory.person(channel="market")
    await lock_account(api, person)
    assert (await log_in(api, person, Authorization=f"Bearer {getattr(other, kind)}")).status == 429
    assert (await log_in(api, person, Authorization=f"Bearer {getattr(person, kind)}")).status == 200
    api.forget_cookies()
    await api.post("/api/auth/logout/", as_=person)
    assert (await log_in(api, person, Authorization=f"Bearer {getattr(person, kind)}")).status == 429


@besieged
async def test_a_known_device_has_its_own_limit(api: Api, factory: Factory) -> None:
    person = await factory.person(channel="market")
    stolen, own = device_of(await log_in(api, person)), device_of(await log_in(api, person))
    api.forget_cookies()
    for _ in range(3):
        assert (await log_in(api, person, "Wrong-Word-42", Cookie=stolen)).status == 401
    assert (await log_in(api, person, Cookie=stolen)).status == 429
    assert (await log_in(api, person, Cookie=own)).status == 200
    api.forget_cookies()
    assert (await log_in(api, person)).status == 200, "strangers have not been counted"


@besieged
async def test_the_password_can_be_changed_while_the_account_is_locked(api: Api, factory: Factory) -> None:
    person = await factory.person(channel="market")
    await lock_account(api, person)
    change = {"old_password": PASSWORD, "new_password": "Another-Word-For-Mum-8"}
    assert (await api.post("/api/auth/password/change/", change, as_=person)).status == 204


@besieged
async def test_unknown_and_known_accounts_have_the_same_limit(api: Api, factory: Factory) -> None:
    unknown = Person(0, "unknown", "unknown@example.com", "", "", None)
    for person in (unknown, await factory.person()):
        answers = [await log_in(api, person, "Wrong-Word-42") for _ in range(5)]
        assert [answer.status for answer in answers] == [401, 401, 401, 429, 429]


TRUSTING = {**SIEGE, "HTTP__TRUSTED_PROXIES": "127.0.0.0/8"}


@pytest.mark.parametrize("settings", [TRUSTING], indirect=True)
async def test_a_locked_account_does_not_reveal_its_email(api: Api, factory: Factory) -> None:
    """The lock that a user name brings about answers for the right e-mail as for any other."""
    person = await factory.person("public-star")
    for _ in range(4):
        await api.post("/api/auth/token/", {"username": "public-star", "password": "Wrong-Word-42"})
    other = Person(0, "unknown", "unknown@example.com", "", "", None)
    answers = [await log_in(api, one, "Wrong-Word-42") for one in (person, other)]
    assert [answer.status for answer in answers] == [401, 401]
    assert await answers[0].text() == await answers[1].text()
    assert (await log_in(api, person)).status == 401, "locked for this address, whatever the password"


@pytest.mark.parametrize("settings", [TRUSTING], indirect=True)
async def test_one_client_does_not_lock_an_account_for_new_devices_elsewhere(api: Api, factory: Factory) -> None:
    person = await factory.person()
    for _ in range(6):
        await log_in(api, person, "Wrong-Word-42", **{"X-Forwarded-For": "203.0.113.1"})
    assert (await log_in(api, person, **{"X-Forwarded-For": "203.0.113.1"})).status == 429
    assert (await log_in(api, person, **{"X-Forwarded-For": "198.51.100.1"})).status == 200


@pytest.mark.parametrize("settings", [TRUSTING | {"LIMITS__LOGIN_STRANGERS": "5/minute"}], indirect=True)
async def test_guesses_from_many_addresses_lock_the_account_until_a_reset(
    api: Api, factory: Factory, db: Database
) -> None:
    person = await factory.person()
    for number in range(5):
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        assert (await log_in(api, person, "Wrong-Word-42", **headers)).status == 401
    assert (await log_in(api, person, **{"X-Forwarded-For": "198.51.100.1"})).status == 401
    await db.execute(
        "update accounts set password_hash = (select password_hash from accounts where id = %(id)s) where id = %(to)s",
        id=(await factory.person()).id,
        to=person.id,
    )
    assert (await log_in(api, person, **{"X-Forwarded-For": "198.51.100.1"})).status == 200, "a new password unlocks"


@pytest.mark.parametrize(
    "settings",
    [{"LIMITS__ENABLED": "true", "LIMITS__LOGIN_ATTEMPT": "4/minute", "LIMITS__LOGIN_ATTEMPT_ACCOUNT": "3/minute"}],
    indirect=True,
)
async def test_successful_log_ins_count_by_account_and_by_address(api: Api, factory: Factory) -> None:
    person, other = await factory.person(), await factory.person()
    statuses = []
    for one in (person, person, person, person, other, other):
        statuses.append((await log_in(api, one)).status)
        api.forget_cookies()
    assert statuses == [200, 200, 200, 429, 429, 429]


@pytest.mark.parametrize(
    "settings",
    [{"LIMITS__ENABLED": "true", "LIMITS__MAILED_LINK": "2/hour", "LIMITS__ANONYMOUS_FORM": "9/hour"}],
    indirect=True,
)
async def test_a_stranger_cannot_keep_the_owner_from_asking_for_a_link(
    api: Api, factory: Factory, db: Database
) -> None:
    person = await factory.person()
    for _ in range(5):
        assert (await api.post("/password_reset/", {"email": person.email})).status == 200
    assert await db.value("select count(*) from outbox where topic = 'link_request'") == 2


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every run of bcrypt, by the cost of the hash it was held against."""
    runs: list[str] = []
    real = bcrypt.checkpw

    def checkpw(password: bytes, hashed: bytes) -> bool:
        runs.append(hashed[:7].decode())
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    return runs


LOGINS: dict[str, Callable[[str], tuple[str, dict[str, Any]]]] = {
    "market": lambda who: ("/api/auth/token/", {"username": who, "password": "Wrong-Word-42"}),
    "greetings": lambda who: ("/api/login/", {"login": who, "password": "Wrong-Word-42"}),
    "identity": lambda who: ("/authorization/login/email", {"email": who, "hash_password": "Wrong-Word-42"}),
    "studio": lambda who: ("/api/token/", {"phone_number": who, "password": "Wrong-Word-42"}),
}


@pytest.mark.parametrize("dialect", LOGINS)
async def test_refused_log_ins_cannot_be_told_apart(
    api: Api, app: web.Application, factory: Factory, counted: list[str], db: Database, dialect: str
) -> None:
    known, blocked, without = [await factory.person(phone=f"+7916000000{n}") for n in range(3)]
    owner = await app[ACCOUNTS].authenticate((await factory.staff()).token)
    await app[STAFF].block(owner, blocked.id)
    await db.execute("update accounts set password_hash = null where id = %(id)s", id=without.id)
    phones = ["+79169999999", "+79160000000", "+79160000001", "+79160000002"]
    emails = ["unknown@example.com", known.email, blocked.email, without.email]
    seen = set()
    for who in phones if dialect == "studio" else emails:
        counted.clear()
        path, body = LOGINS[dialect](who)
        answer = await api.post(path, body)
        seen.add((answer.status, await answer.text(), tuple(counted)))
    ((status, _, runs),) = seen
    assert (status, runs) == (404 if dialect == "greetings" else 401, ("$2b$04$",)), (
        "one run of bcrypt, of our own cost"
    )


@pytest.mark.parametrize("path", ["/password_reset/", "/api/auth/verify-email/resend/"])
async def test_requesting_a_link_does_not_reveal_whether_the_account_exists(
    api: Api, factory: Factory, db: Database, path: str
) -> None:
    person = await factory.person()
    seen = set()
    for email in (person.email, "unknown@example.com"):
        before = await db.value("select count(*) from outbox where topic = 'link_request'")
        answer = await api.post(path, {"email": email})
        rows = await db.value("select count(*) from outbox where topic = 'link_request'") - before
        seen.add((answer.status, await answer.text(), rows))
    ((status, _, rows),) = seen
    assert (status, rows) == (200, 1), "the same row is written in either case"


@pytest.mark.parametrize(
    "settings", [{"LIMITS__ENABLED": "true", "LIMITS__MAILED_TOKEN": "5/10 minute"}], indirect=True
)
async def test_a_new_link_does_not_reset_the_limit(api: Api, factory: Factory) -> None:
    person = await factory.person()
    for _ in range(5):
        assert (await api.post("/api/auth/verify-email/", {"token": "0" * 48})).status == 400
    assert (await api.post("/api/auth/verify-email/resend/", {"email": person.email})).status == 200
    assert (await api.post("/api/auth/verify-email/", {"token": "0" * 48})).status == 429


async def test_other_requests_are_served_during_fifty_log_ins(api: Api, factory: Factory) -> None:
    person = await factory.person()
    logins = [asyncio.ensure_future(log_in(api, person)) for _ in range(50)]
    reads = 0
    while not all(one.done() for one in logins):
        assert (await api.get("/healthz")).status == 200
        reads += 1
    assert {(await one).status for one in logins} == {200}
    assert reads
