"""Sessions and tokens (D2-D7), and blocking by staff, through the market dialect."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from aiohttp import web

from mystar.accounts.keys import ACCOUNTS, PASSWORDS, STAFF
from mystar.accounts.model import (
    AccountRegistered,
    ClientInfo,
    LoginRefused,
    NotYourself,
    PasswordChanged,
    PasswordWrong,
    SessionsEnded,
    Taken,
)
from mystar.accounts.passwords import PasswordService
from mystar.accounts.service import AccountService
from mystar.app import create_app
from mystar.errors import Forbidden, Invalid, NotFound
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.kit.realtime.hub import HUB
from mystar.kit.security.tokens import TokenRefused, derive
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import PASSWORD, Factory

ME = "/api/v1/users/me/"
NEW = "Another-Word-For-Mum-8"


@pytest.fixture
def accounts(app: web.Application, api: Api) -> AccountService:
    return app[ACCOUNTS]


@pytest.fixture
def passwords(app: web.Application, api: Api) -> PasswordService:
    return app[PASSWORDS]


async def test_access_and_refresh_tokens_have_their_own_uses(api: Api, factory: Factory) -> None:
    person = await factory.person("olga", phone="9161583866")
    for username in ("OLGA", person.email, "89161583866"):
        answer = await api.post("/api/auth/token/", {"username": username, "password": PASSWORD})
        assert answer.status == 200
        pair = await answer.json()
        assert set(pair) == {"access", "refresh"}
    me = await api.get(ME, headers={"Authorization": f"Bearer {pair['access']}"})
    assert me.status == 200
    body = await me.json()
    assert (body["id"], body["username"], body["email"]) == (person.id, "olga", person.email)
    assert (body["phone"], body["is_verified"], body["avatar"]) == ("+79161583866", True, None)
    assert not {"password", "password_hash", "is_staff", "role", "last_login"} & set(body)
    assert (await api.get(ME, headers={"Authorization": pair["refresh"]})).status == 401
    answer = await api.post("/api/auth/token/refresh/", {"refresh": pair["refresh"]})
    assert (await api.get(ME, headers={"Authorization": (await answer.json())["access"]})).status == 200
    answer = await api.post("/api/auth/token/refresh/", {"refresh": pair["access"]})
    assert answer.status == 401


async def test_the_claims_of_a_token(factory: Factory, settings: Settings) -> None:
    person = await factory.person(channel="market")
    claims = jwt.decode(person.token, options={"verify_signature": False})
    assert set(claims) == {"id", "sid", "mode", "user_name", "jti", "iat", "exp", "iss", "aud"}
    assert (claims["id"], claims["mode"], claims["user_name"]) == (person.id, "access_token", person.email)
    assert claims["exp"] - claims["iat"] == settings.tokens.house_access
    long = jwt.decode((await factory.person()).token, options={"verify_signature": False})
    assert long["exp"] - long["iat"] == settings.tokens.greetings_access


async def test_a_failed_log_in_is_401(api: Api, factory: Factory) -> None:
    person = await factory.person()
    for username in (person.username, "unknown"):
        answer = await api.post("/api/auth/token/", {"username": username, "password": "Wrong-Word-42"})
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert (await answer.json())["code"] == "login_refused"


async def test_the_token_may_be_sent_with_or_without_bearer(api: Api, factory: Factory) -> None:
    person = await factory.person()
    for header in (person.token, f"Bearer {person.token}", f"bearer  {person.token} "):
        assert (await api.get(ME, headers={"Authorization": header})).status == 200
    for header in ("", "Bearer", "Bearer x", f"Basic {person.token}", f"Bearer {person.token}x"):
        answer = await api.get(ME, headers={"Authorization": header})
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def forged(claims: dict[str, Any], settings: Settings) -> list[str]:
    key = derive(settings.secret_key, "tokens")
    now = int(datetime.now(UTC).timestamp())
    changed = [
        {"exp": now - 60},
        {"iss": "another"},
        {"mode": "refresh_token"},
        {"mode": None},
        {"id": claims["id"] + 1},
        {"id": str(claims["id"])},
        {"id": True},
        {"sid": str(uuid.uuid4())},
        {"sid": "x"},
        {"sid": 5},
    ]
    without = [
        {name: value for name, value in claims.items() if name != gone} for gone in claims if gone != "user_name"
    ]
    return [
        *(jwt.encode({**claims, **change}, key, "HS256") for change in changed),
        *(jwt.encode(rest, key, "HS256") for rest in without),
        jwt.encode(claims, "another key of thirty-two characters", "HS256"),
        jwt.encode(claims, key, "HS512"),
        jwt.encode(claims, None, "none"),
        jwt.encode(claims, key, "HS256")[:-2],
    ]


async def test_forged_tokens_are_refused(api: Api, factory: Factory, settings: Settings) -> None:
    claims = jwt.decode((await factory.person()).token, options={"verify_signature": False})
    for token in forged(claims, settings):
        assert (await api.get(ME, headers={"Authorization": token})).status == 401, token


async def test_logout_ends_only_its_session(api: Api, factory: Factory, db: Database) -> None:
    person = await factory.person(channel="market")
    other = await (await api.post("/api/auth/token/", {"username": person.email, "password": PASSWORD})).json()
    assert (await api.get(ME, as_=person)).status == 200
    answer = await api.post("/api/auth/logout/", as_=person)
    assert (answer.status, await answer.read()) == (204, b"")
    assert (await api.get(ME, as_=person)).status == 401
    assert (await api.post("/api/auth/logout/", as_=person)).status == 401
    assert (await api.post("/api/auth/token/refresh/", {"refresh": person.refresh})).status == 401
    assert (await api.get(ME, headers={"Authorization": other["access"]})).status == 200
    assert await db.value("select end_reason from sessions where ended_at is not null") == "logout"


async def test_another_process_refuses_an_ended_session_within_a_second(
    api: Api, factory: Factory, settings: Settings
) -> None:
    person = await factory.person()
    other_process = await create_app(settings, settings.database.url)
    try:
        assert (await other_process[ACCOUNTS].authenticate(person.token)).id == person.id
        await api.post("/api/auth/logout/", as_=person)
        await asyncio.sleep(0.6)
        with pytest.raises(TokenRefused):
            await other_process[ACCOUNTS].authenticate(person.token)
    finally:
        other_process.freeze()
        await other_process.startup()
        await other_process.cleanup()


async def test_a_session_that_ends_during_its_lookup_is_not_cached(accounts: AccountService, factory: Factory) -> None:
    people = [await factory.person() for _ in range(20)]
    for person in people:
        actor = await accounts.authenticate(person.token)
        await asyncio.gather(accounts.log_out(actor), *(_tried(accounts, person.token) for _ in range(5)))
        with pytest.raises(TokenRefused):
            await accounts.authenticate(person.token)


async def test_a_session_whose_end_may_have_been_told_in_vain_is_looked_up(
    app: web.Application, accounts: AccountService, factory: Factory
) -> None:
    people = [await factory.person(), await factory.person()]
    for person in people:
        await accounts.authenticate(person.token)
    await app[DATABASE].execute("update sessions set ended_at = now() where account_id = %s", (people[0].id,))
    app[HUB].bus._report_gap()
    with pytest.raises(TokenRefused):
        await accounts.authenticate(people[0].token)
    assert (await accounts.authenticate(people[1].token)).id == people[1].id


async def _tried(accounts: AccountService, token: str) -> None:
    with suppress(TokenRefused):
        await accounts.authenticate(token)


async def test_only_own_sessions_can_be_ended(accounts: AccountService, factory: Factory) -> None:
    person, other = await factory.person(), await factory.person()
    actor, stranger = await accounts.authenticate(person.token), await accounts.authenticate(other.token)
    with pytest.raises(NotFound):
        await accounts.end_session(stranger, actor.session_id)
    await accounts.end_session(actor, actor.session_id)
    with pytest.raises(NotFound):
        await accounts.end_session(actor, actor.session_id)
    with pytest.raises(TokenRefused):
        await accounts.authenticate(person.token)


async def test_changing_the_password_ends_every_session(
    accounts: AccountService, passwords: PasswordService, factory: Factory
) -> None:
    person = await factory.person()
    actor = await accounts.authenticate(person.token)
    with pytest.raises(PasswordWrong):
        await passwords.change_password(actor, "Wrong-Word-42", NEW)
    with pytest.raises(Invalid):
        await passwords.change_password(actor, PASSWORD, "qwerty123")
    await passwords.change_password(actor, PASSWORD, NEW)
    with pytest.raises(TokenRefused):
        await accounts.authenticate(person.token)
    with pytest.raises(LoginRefused):
        await accounts.log_in(ClientInfo(), "market", person.email, PASSWORD)
    assert await accounts.log_in(ClientInfo(), "market", person.email, NEW)


async def test_a_login_that_began_with_the_old_password_fails_after_its_change(
    accounts: AccountService, passwords: PasswordService, factory: Factory
) -> None:
    person = await factory.person()
    actor = await accounts.authenticate(person.token)
    entered = [accounts.log_in(ClientInfo(), "market", person.email, PASSWORD) for _ in range(8)]
    results = await asyncio.gather(passwords.change_password(actor, PASSWORD, NEW), *entered, return_exceptions=True)
    for result in results[1:]:
        if not isinstance(result, Exception):
            with pytest.raises(TokenRefused):
                await accounts.authenticate(result.access)


async def test_staff_block_and_unblock_people(accounts: AccountService, app: web.Application, factory: Factory) -> None:
    staff = app[STAFF]
    owner, operator, viewer = await factory.staff(), await factory.staff("operator"), await factory.staff("viewer")
    person = await factory.person()
    by = {one: await accounts.authenticate(one.token) for one in (owner, operator, viewer, person)}
    for other in (viewer, person):
        with pytest.raises(Forbidden):
            await staff.block(by[other], person.id)
    with pytest.raises(NotYourself):
        await staff.block(by[owner], owner.id)
    with pytest.raises(Forbidden):
        await staff.block(by[operator], owner.id)
    with pytest.raises(NotFound):
        await staff.block(by[operator], 10**12)
    await staff.block(by[operator], person.id)
    with pytest.raises(TokenRefused):
        await accounts.authenticate(person.token)
    with pytest.raises(LoginRefused):
        await accounts.sign_in(person.id, ClientInfo(), "market")
    await staff.unblock(by[owner], person.id)
    with pytest.raises(TokenRefused):
        await accounts.authenticate(person.token)
    assert await accounts.log_in(ClientInfo(), "market", person.email, PASSWORD)


async def test_a_staff_account_is_created_with_its_role(accounts: AccountService) -> None:
    account = await accounts.create_staff(username="boss", email="boss@example.com", password=PASSWORD)
    assert (account.role, account.is_verified) == ("owner", True)
    with pytest.raises(Taken):
        await accounts.create_staff(username="BOSS", password=PASSWORD)
    with pytest.raises(Invalid):
        await accounts.create_staff(username="second", password="qwerty123")


async def test_changes_publish_events(
    app: web.Application, accounts: AccountService, passwords: PasswordService, factory: Factory
) -> None:
    heard: list[object] = []

    async def listen(_tx: object, event: object) -> None:
        heard.append(event)

    for kind in (AccountRegistered, PasswordChanged, SessionsEnded):
        app[DATABASE].events.on(kind, listen)
    person = await factory.person()
    await passwords.change_password(await accounts.authenticate(person.token), PASSWORD, NEW)
    assert heard == [
        AccountRegistered(person.id),
        SessionsEnded(person.id, None, "password_changed"),
        PasswordChanged(person.id, "password_changed"),
    ]


async def test_old_sessions_and_links_are_deleted(accounts: AccountService, factory: Factory, db: Database) -> None:
    gone, expired, alive = await factory.person(), await factory.person(), await factory.person()
    long_ago = datetime.now(UTC) - timedelta(days=40)
    await db.execute("update sessions set ended_at = %(t)s where account_id = %(id)s", t=long_ago, id=gone.id)
    await db.execute("update sessions set expires_at = %(t)s where account_id = %(id)s", t=long_ago, id=expired.id)
    await db.execute(
        "insert into mailed_tokens (account_id, purpose, digest, expires_at)"
        " values (%(id)s, 'reset_password', '\\x00', %(t)s), (%(id)s, 'reset_password', '\\x01', now())",
        id=alive.id,
        t=long_ago,
    )
    await accounts.sweep()
    assert await db.all("select account_id from sessions") == [{"account_id": alive.id}]
    assert await db.value("select count(*) from mailed_tokens") == 1
