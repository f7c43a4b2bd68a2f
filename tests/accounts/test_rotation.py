"""Rotation of refresh tokens (D7, promises S1 and S2): copies end the session, lost responses do not."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from aiohttp import web

from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import RefreshedTokens
from mystar.accounts.service import AccountService
from mystar.accounts.sessions.rotation import GRACE, TokenFamily
from mystar.app import create_app
from mystar.kit.postgres.database import Database
from mystar.kit.security.tokens import TokenRefused
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import Factory

REFRESH = "/api/auth/token/refresh/"


# The pure rule


@dataclass
class Server:
    """What the service stores about one session."""

    family: TokenFamily = field(default_factory=lambda: TokenFamily(0, False, {}))
    ended_at: datetime | None = None

    def exchange(self, generation: int, now: datetime) -> int | None:
        """The newest generation, or None once the session has ended."""
        family = self.family
        if self.ended_at or family.is_copy(generation, now):
            self.ended_at = self.ended_at or now
            return None
        if generation == family.newest:
            recent = {old: at for old, at in family.rotated_at.items() if now - at <= GRACE}
            self.family = TokenFamily(generation + 1, False, {**recent, generation: now})
        return self.family.newest


PAUSES = [0.0, 0.0, 0.1, 0.4, 5.0, 29.0, 31.0, 3600.0, 86_400.0]


@pytest.mark.parametrize("hundred", range(10))
def test_lost_responses_keep_the_session_and_copies_end_it(hundred: int) -> None:
    for seed in range(100 * hundred, 100 * (hundred + 1)):
        interleave(seed)


def interleave(seed: int) -> None:
    """An owner who loses every fifth answer, then a thief with a copy."""
    chance, server, now, held = random.Random(seed), Server(), datetime(2026, 1, 1, tzinfo=UTC), 0
    for _ in range(chance.randint(1, 30)):
        now += timedelta(seconds=chance.choice(PAUSES))
        asked = held
        # One window of the browser, or several at once with the same token; every fifth answer is lost.
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            answer = server.exchange(asked, now)
            assert answer is not None, "a false alarm"
            held = held if chance.random() < 0.2 else answer
    stolen, owner_goes_on = held, 0
    while owner_goes_on < 2:  # the successor is given out, then used
        now += timedelta(seconds=1)
        held, before = server.exchange(held, now) or pytest.fail("a false alarm"), held
        owner_goes_on += held != before
    assert server.exchange(stolen, now + GRACE + timedelta(seconds=1)) is None
    assert server.exchange(held, now + GRACE + timedelta(seconds=1)) is None, "the whole family ends"


def test_missing_rotations_count_as_old() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert TokenFamily(3, False, {}).is_copy(1, now)
    assert not TokenFamily(3, False, {}).is_copy(2, now), "its successor has not been used"
    assert TokenFamily(3, True, {}).is_copy(2, now)
    assert not TokenFamily(3, True, {2: now - GRACE}).is_copy(2, now)
    assert not TokenFamily(3, True, {}).is_copy(3, now)


# Over HTTP


async def exchange(api: Api, refresh: str | None, *, rotate: bool = True) -> dict[str, str] | None:
    """The answer's tokens; None when it is 401."""
    answer = await api.post(REFRESH, {"refresh": refresh, "rotate": rotate})
    assert answer.status in (200, 401), await answer.text()
    assert answer.status == 401 or answer.headers["Cache-Control"] == "no-store"
    return await answer.json() if answer.status == 200 else None


async def must(api: Api, refresh: str | None, *, rotate: bool = True) -> dict[str, str]:
    tokens = await exchange(api, refresh, rotate=rotate)
    assert tokens is not None
    return tokens


async def half_a_minute_later(db: Database) -> None:
    await db.execute("update rotations set rotated_at = rotated_at - interval '31 seconds'")


async def test_a_refresh_token_stays_valid_without_rotation(api: Api, factory: Factory) -> None:
    person = await factory.person(channel="market")
    for _ in range(3):
        assert set(await must(api, person.refresh, rotate=False)) == {"access"}
    tokens = await must(api, person.refresh)
    assert set(tokens) == {"access", "refresh"}
    assert tokens["refresh"] != person.refresh
    assert (await api.get("/api/v1/users/me/", headers={"Authorization": tokens["access"]})).status == 200
    both = person.refresh, tokens["refresh"]
    before, after = (jwt.decode(str(token), options={"verify_signature": False}) for token in both)
    assert (after["sid"], after["mode"], after["gen"]) == (before["sid"], "refresh_token", 1)


async def test_a_lost_response_can_be_requested_again_at_any_time(api: Api, factory: Factory, db: Database) -> None:
    person = await factory.person(channel="market")
    await must(api, person.refresh)
    await half_a_minute_later(db)
    await half_a_minute_later(db)
    tokens = await must(api, person.refresh)
    assert await must(api, tokens["refresh"]), "the one that arrived works"


async def test_several_rotations_within_a_second_keep_old_tokens_valid(api: Api, factory: Factory) -> None:
    person = await factory.person(channel="studio")
    given = [person.refresh]
    for _ in range(5):
        given.append((await must(api, given[-1]))["refresh"])
    for old in given:
        assert await must(api, old, rotate=False)


@pytest.mark.parametrize("rotate", [True, False])
async def test_a_copied_token_ends_the_session_with_a_mail_and_a_log_line(
    api: Api, factory: Factory, db: Database, caplog: pytest.LogCaptureFixture, rotate: bool
) -> None:
    person, other = await factory.person(channel="market"), await factory.person(channel="market")
    second = await must(api, person.refresh)
    third = await must(api, second["refresh"])
    await half_a_minute_later(db)
    with caplog.at_level(logging.WARNING, "mystar.accounts.sessions.service"):
        assert await exchange(api, person.refresh, rotate=rotate) is None
    for refresh in (person.refresh, second["refresh"], third["refresh"]):
        assert await exchange(api, refresh) is None
    for access in (second["access"], third["access"]):
        assert (await api.get("/api/v1/users/me/", headers={"Authorization": access})).status == 401
    assert await must(api, other.refresh), "other sessions are not affected"
    told = [record for record in caplog.records if record.name == "mystar.accounts.sessions.service"]
    assert [record.account_id for record in told] == [person.id]  # type: ignore[attr-defined]
    assert await db.value("select end_reason from sessions where ended_at is not null") == "refresh_reused"
    mails = await db.all("select payload from outbox where topic in ('mail', 'account_mail')")
    assert [mail["payload"]["to"] for mail in mails] == [person.email], "once"


async def test_a_token_of_a_later_generation_is_refused_and_ends_nothing(
    api: Api, factory: Factory, db: Database
) -> None:
    """As after restoring the database from a backup."""
    person = await factory.person(channel="market")
    tokens = await must(api, person.refresh)
    await db.execute("update sessions set generation = 0; delete from rotations")
    assert await exchange(api, tokens["refresh"]) is None
    assert await must(api, person.refresh)


async def test_a_session_ends_when_idle_and_after_ninety_days(
    api: Api, factory: Factory, db: Database, settings: Settings
) -> None:
    person = await factory.person(channel="market")
    await db.execute("update sessions set created_at = now() - interval '89 days'")
    assert await exchange(api, person.refresh) is None, "idle"
    await db.execute("update sessions set refreshed_at = now() - interval '29 days'")
    tokens = await must(api, person.refresh)
    claims = jwt.decode(tokens["refresh"], options={"verify_signature": False})
    left = claims["exp"] - datetime.now(UTC).timestamp()
    assert 86_000 < left < 86_500, "not a month more, but the one day that is left"
    await db.execute("update sessions set expires_at = now()")
    assert await exchange(api, tokens["refresh"]) is None
    assert settings.tokens.refresh_longest <= 90 * 86_400


# In two processes


@pytest.fixture
async def other_process(api: Api, settings: Settings) -> AsyncIterator[AccountService]:
    """The accounts of a second process over the same database."""
    app: web.Application = await create_app(settings, settings.database.url)
    app.freeze()
    yield app[ACCOUNTS]
    await app.cleanup()


async def tried(accounts: AccountService, refresh: str) -> RefreshedTokens | None:
    try:
        return await accounts.refresh(refresh, rotate=True)
    except TokenRefused:
        return None


def generation(token: str | None) -> int:
    return int(jwt.decode(str(token), options={"verify_signature": False}).get("gen", 0))


async def test_two_concurrent_processes_issue_one_generation(
    app: web.Application, api: Api, other_process: AccountService, factory: Factory
) -> None:
    person = await factory.person(channel="market")
    refresh = str(person.refresh)
    for expected in range(1, 6):
        answers = await asyncio.gather(*(tried(one, refresh) for one in (app[ACCOUNTS], other_process) * 3))
        generations = [generation(answer.refresh) for answer in answers if answer]
        assert generations == [expected] * 6
        refresh = str(answers[-1] and answers[-1].refresh)


@pytest.mark.parametrize("seed", range(6))
async def test_a_correct_client_keeps_its_session_over_two_processes(
    app: web.Application, api: Api, other_process: AccountService, factory: Factory, db: Database, seed: int
) -> None:
    chance, both = random.Random(seed), (app[ACCOUNTS], other_process)
    person = await factory.person(channel="market")
    held = stolen = str(person.refresh)
    for _ in range(8):
        if chance.random() < 0.3:
            await half_a_minute_later(db)
        for answer in await asyncio.gather(*(tried(chance.choice(both), held) for _ in range(chance.randint(1, 3)))):
            assert answer is not None, "a false alarm"
            held = held if chance.random() < 0.2 else str(answer.refresh)
    if generation(held) >= 2:
        await tried(both[0], held)
        await half_a_minute_later(db)
        assert await tried(chance.choice(both), stolen) is None
        assert await tried(chance.choice(both), held) is None
