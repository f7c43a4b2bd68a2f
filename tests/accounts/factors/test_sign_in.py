"""The second step of a sign-in: every dialect, providers, remembered browsers, recovery, guessing, staff."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from mystar.accounts.factors.model import ChallengeUnknown, Proof, SecondFactorRefused
from mystar.accounts.keys import ACCOUNTS, SECOND_STEP
from mystar.accounts.keys import FACTORS as SERVICE
from mystar.accounts.model import ClientInfo
from mystar.app import create_app
from mystar.kit.keys import DATABASE
from mystar.kit.security.tokens import token_of as token_of_seed
from mystar.settings import Settings
from tests.accounts.factors.authenticator import Authenticator
from tests.accounts.factors.conftest import NewOwner
from tests.accounts.factors.owner import FACTORS, STEP, AheadClock, Owner, audited, code_of, mails
from tests.accounts.oauth.oauth_flow import VK, YANDEX, login, register, token_of
from tests.conftest import Api
from tests.factory import PASSWORD, Factory

NEW = "Another-Word-For-Mum-8"


#: The log-in of each dialect, its second step, and where its answer has the access token.
DIALECTS: dict[str, tuple[str, str, dict[str, str], int, str]] = {
    "market": ("/api/auth/token/", STEP, {"username": "anna", "password": PASSWORD}, 200, "access"),
    "greetings": ("/api/login/", "/api/login/second-factor/", {"login": "anna", "password": PASSWORD}, 201, "token"),
    "messenger": (
        "/auth/login/",
        "/auth/login/second-factor/",
        {"email": "anna@example.com", "password": PASSWORD},
        200,
        "token",
    ),
    "studio": (
        "/api/token/",
        "/api/token/second-factor/",
        {"phone_number": "87071234567", "password": PASSWORD},
        200,
        "access",
    ),
    "identity": (
        "/authorization/login/phone/number",
        "/authorization/login/second-factor",
        {"phone_number": "+77071234567", "hash_password": PASSWORD},
        200,
        "access",
    ),
}


async def test_every_dialect_asks_in_its_own_shape_and_only_where_there_is_a_factor(
    api: Api, factory: Factory, clock: AheadClock
) -> None:
    person = await factory.person("anna", email="anna@example.com", phone="87071234567", channel="market")
    owner = Owner(api, person, clock)
    for path, _, body, status, _ in DIALECTS.values():
        assert (await api.post(path, body)).status == status, "nothing changes without a factor"
    await owner.add_totp()
    asked = {}
    for dialect, (path, _, body, _, _) in DIALECTS.items():
        answer = await api.post(path, body)
        asked[dialect] = refusal = await answer.json()
        assert (answer.status, refusal["code"]) == (403, "second_factor_required"), dialect
        assert (refusal["methods"], refusal["expires_in"]) == (["totp", "recovery_code"], 300)
        assert "WWW-Authenticate" not in answer.headers
        wrong = await api.post(path, {**body, **({"password": "x"} if "password" in body else {"hash_password": "x"})})
        assert (await wrong.json()).get("code") != "second_factor_required" if wrong.content_type else True
    assert asked["greetings"]["non_field_errors"] == ["Введите код из приложения или подтвердите вход ключом доступа."]
    foreign = await api.post(STEP, {"challenge": asked["studio"]["challenge"], "code": owner.next_code()})
    assert await code_of(foreign) == (422, "challenge_unknown"), "a challenge belongs to its dialect"
    for dialect, (_, path, _, status, key) in DIALECTS.items():
        draft = {"challenge": asked[dialect]["challenge"], "code": owner.next_code()}
        answer = await api.post(path, draft)
        assert answer.status == status, (dialect, await answer.text())
        token = (await answer.json())[key]
        assert (await api.get(FACTORS, headers={"Authorization": f"Bearer {token}"})).status == 200
        again = await api.post(path, draft)
        assert (again.status in (400, 422), (await again.json())["code"]) == (True, "challenge_unknown"), dialect
    for dialect, (path, step, body, _, _) in DIALECTS.items():
        challenge = (await (await api.post(path, body)).json())["challenge"]
        refused = await api.post(step, {"challenge": challenge, "code": "000000"})
        assert await code_of(refused) == (401, "second_factor_refused"), dialect


async def test_challenges_expire_and_end_with_the_password(app: web.Application, api: Api, owner: Owner) -> None:
    await owner.add_totp()
    challenge = await owner.challenge()
    owner.clock.move(301)
    assert await code_of(await owner.finish(challenge, owner.code())) == (422, "challenge_unknown")
    await app[SECOND_STEP].sweep()
    assert await app[DATABASE].value("select count(*) from factor_challenges") == 0
    challenge = await owner.challenge()
    for _ in range(5):
        assert await code_of(await owner.finish(challenge, "000000")) == (401, "second_factor_refused")
    assert await code_of(await owner.finish(challenge, owner.next_code())) == (422, "challenge_unknown"), "five tries"
    assert await code_of(await owner.finish("", owner.code())) == (422, "invalid")
    assert await code_of(await owner.finish(challenge)) == (422, "invalid")
    challenge = await owner.challenge()
    change = {"old_password": PASSWORD, "new_password": NEW}
    assert (await api.post("/api/auth/password/change/", change, as_=owner.person)).status == 204
    assert await code_of(await owner.finish(challenge, owner.next_code())) == (422, "challenge_unknown")


async def test_of_concurrent_second_steps_in_two_processes_one_opens_a_session(
    app: web.Application, settings: Settings, owner: Owner
) -> None:
    await owner.add_totp()
    other = await create_app(settings, settings.database.url, owner.clock)
    other.freeze()
    code, client = owner.next_code(), ClientInfo("192.0.2.1")

    async def at_once(*tries: tuple[str, str]) -> list[bool]:
        """Whether each opened a session; the processes take turns."""
        answers = await asyncio.gather(
            *(
                (app, other)[number % 2][SECOND_STEP].finish(challenge, Proof(code), client, "market")
                for number, (challenge, code) in enumerate(tries)
            ),
            return_exceptions=True,
        )
        refusals = [one for one in answers if isinstance(one, BaseException)]
        assert all(isinstance(one, SecondFactorRefused | ChallengeUnknown) for one in refusals), refusals
        return [not isinstance(one, BaseException) for one in answers]

    # One code for two challenges, then two codes for one challenge.
    first, second, third = [await owner.challenge() for _ in range(3)]
    assert sum(await at_once((first, code), (second, code), (first, code), (second, code))) == 1
    assert sum(await at_once((third, owner.code(steps=1)), (third, owner.codes[0]))) == 1
    await other.cleanup()


async def test_providers_ask_for_the_factor_and_do_not_link_without_it(
    api: Api, app: web.Application, owner: Owner, authenticator: Authenticator
) -> None:
    vk = await token_of(api, VK, login="vk-owner", email=owner.person.email)
    assert (await register(api, VK, vk, as_=owner.person)).status == 200
    assert (await login(api, VK, vk)).status == 200
    await owner.add_passkey(authenticator)
    answer = await login(api, VK, vk)
    asked = await answer.json()
    assert (answer.status, asked["code"], asked["methods"]) == (
        403,
        "second_factor_required",
        ["passkey", "recovery_code"],
    )
    options = await owner.passkey_options(asked["challenge"])
    draft = {"challenge": asked["challenge"], "credential": authenticator.get(options)}
    answer = await api.post("/authorization/login/second-factor", draft)
    assert answer.status == 200, await answer.text()

    # A provider that vouches for the e-mail of the account.
    yandex = await token_of(api, YANDEX, login="yandex-owner", email=owner.person.email)
    for _ in range(2):
        assert (await code_of(await login(api, YANDEX, yandex)))[1] == "second_factor_required"
    assert await app[DATABASE].value("select count(*) from provider_identities") == 1
    # The signed-in owner links it, and gets a session.
    answer = await register(api, YANDEX, yandex, as_=owner.person)
    assert answer.status in (200, 201), await answer.text()
    assert (await code_of(await login(api, YANDEX, yandex)))[1] == "second_factor_required"


async def test_a_remembered_browser_is_asked_once(app: web.Application, api: Api, owner: Owner) -> None:
    factor = (await owner.add_totp())["factor"]
    assert "mystar_remembered" not in (await owner.finish(await owner.challenge(), owner.next_code())).cookies
    answer = await owner.finish(await owner.challenge(), owner.next_code(), remember=True)
    cookie = answer.cookies["mystar_remembered"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    api.forget_cookies()

    async def comes_with(value: str) -> int:
        headers = {"Cookie": f"mystar_remembered={value}"}
        body = {"username": owner.person.email, "password": PASSWORD}
        status = (await api.post("/api/auth/token/", body, headers=headers)).status
        api.forget_cookies()
        return status

    mark = cookie.value
    assert await comes_with(mark) == 200
    stranger = mark.replace(f"{owner.person.id}.", "999.", 1)
    for forged in ("", "x", mark[:-1], mark + "a", stranger):
        assert await comes_with(forged) == 403, forged
    headers = {"Cookie": f"mystar_remembered={mark}"}
    body = {"username": owner.person.email, "password": "wrong"}
    assert (await api.post("/api/auth/token/", body, headers=headers)).status == 401, "it replaces no password"
    api.forget_cookies()
    await app[DATABASE].execute("update accounts set devices_revoked_at = now()")
    assert await comes_with(mark) == 403
    await app[DATABASE].execute("update accounts set devices_revoked_at = null")
    owner.clock.ahead -= owner.clock.ahead
    step = app[SECOND_STEP]
    step._remembered = step._remembered / 10_000
    assert await comes_with(mark) == 403, "it expires"
    assert factor["kind"] == "totp"


async def mailed(app: web.Application, owner: Owner, purpose: str) -> str:
    """The token of a new mailed link."""
    links, account = app[ACCOUNTS]._links, await app[ACCOUNTS].profile(owner.person.id)
    async with app[DATABASE].transaction() as tx:
        await (links.mail_confirmation if purpose == "confirm" else links.mail_reset)(tx, account)
    newest = "select payload->>'seed' from outbox where topic = 'account_mail' order by id desc limit 1"
    return token_of_seed(links._signer, await app[DATABASE].value(newest))


async def test_mailed_links_do_not_replace_the_factor(api: Api, app: web.Application, owner: Owner) -> None:
    await owner.add_totp()
    confirm, reset = await mailed(app, owner, "confirm"), await mailed(app, owner, "reset")
    query = {"token": confirm, "username": owner.person.username, "confirm": "1"}
    answer = await api.get("/api/registration-confirm/", params=query)
    assert (answer.status, await answer.json()) == (200, ["Email уже подтвержден. Войдите."])
    assert (await api.post("/password_reset/confirm/", {"token": reset, "password": NEW})).status == 200
    answer = await api.post("/api/auth/token/", {"username": owner.person.email, "password": NEW})
    assert await code_of(answer) == (403, "second_factor_required")
    assert (await owner.finish((await answer.json())["challenge"], owner.codes[3])).status == 200


@pytest.mark.parametrize("purpose", ["confirm", "reset"])
async def test_factors_enrolled_before_the_first_confirmation_are_removed(
    app: web.Application, api: Api, owner: Owner, purpose: str
) -> None:
    await owner.add_totp()
    await app[DATABASE].execute("update accounts set email_verified_at = null, unconfirmed_from = '203.0.113.9'")
    token = await mailed(app, owner, purpose)
    api.forget_cookies()
    path = "/api/auth/verify-email/" if purpose == "confirm" else "/password_reset/confirm/"
    assert (await api.post(path, {"token": token, "password": NEW})).status == 200
    assert await app[DATABASE].value("select count(*) from second_factors") == 0
    assert not (await app[ACCOUNTS].profile(owner.person.id)).has_second_factor
    (entry,) = await audited(app, "factors_dropped")
    assert entry.details["reason"] == "unproven"


async def test_an_undone_change_of_contacts_ends_the_factors_added_since(
    app: web.Application, api: Api, owner: Owner, authenticator: Authenticator
) -> None:
    await owner.add_passkey(authenticator)
    owner.clock.move(1)
    change = await api.patch("/api/v1/users/me/", {"phone": "+79161234567"}, as_=owner.person)
    assert change.status == 200, await change.text()
    await owner.add_totp()
    newest = (
        "select payload->>'seed' from outbox where topic = 'account_mail' and payload->>'seed' <> '' order by id desc"
    )
    seed = await app[DATABASE].value(f"{newest} limit 1")
    token = token_of_seed(app[ACCOUNTS]._links._signer, seed)
    assert (await api.post("/api/auth/undo-change/", {"token": token})).status == 200
    left = await app[DATABASE].all("select kind from second_factors")
    assert [row["kind"] for row in left] == ["passkey"]
    assert (await app[ACCOUNTS].profile(owner.person.id)).has_second_factor
    (entry,) = await audited(app, "factors_dropped")
    assert (entry.details["before"], entry.details["reason"]) == ("totp", "change_undone")


class TestGuessing:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(
            LIMITS__ENABLED="true",
            LIMITS__LOGIN_ATTEMPT="1000/minute",
            LIMITS__LOGIN_ATTEMPT_ACCOUNT="1000/minute",
            HTTP__TRUSTED_PROXIES="127.0.0.0/8",
        )

    async def test_guesses_are_limited_by_account_and_address(
        self, app: web.Application, api: Api, owner: Owner
    ) -> None:
        await owner.add_totp()

        async def guess(
            address: str, code: str = "000000", password: str = PASSWORD, **options: Any
        ) -> tuple[int, Any]:
            headers = {"X-Forwarded-For": address, **options}
            body = {"username": owner.person.email, "password": password}
            challenge = (await (await api.post("/api/auth/token/", body, headers=headers)).json())["challenge"]
            return await code_of(await api.post(STEP, {"challenge": challenge, "code": code}, headers=headers))

        api.forget_cookies()
        answers = [await guess(f"203.0.113.{number}") for number in range(12)]
        assert answers[:5] == [(401, "second_factor_refused")] * 5, "every address counts for the account"
        assert set(answers[5:]) == {(429, "too_many_requests")}
        assert len(await mails(app, "неверные коды при входе")) == 1
        # Also the right code, in every dialect; but not on a device that the account knows.
        assert (await guess("198.51.100.1", owner.next_code()))[0] == 429
        token = f"Bearer {owner.person.token}"
        assert (await guess("198.51.100.2", owner.next_code(), Authorization=token))[0] == 200
        # The owner's new password ends the lock, which a person with the old one has caused.
        change = {"old_password": PASSWORD, "new_password": NEW}
        assert (await api.post("/api/auth/password/change/", change, as_=owner.person)).status == 204
        assert (await guess("198.51.100.3", owner.next_code(), NEW))[0] == 200
        # One address with many accounts, or with no challenge at all.
        statuses = {await self._blind(api) for _ in range(31)}
        assert statuses == {422, 429}

    async def _blind(self, api: Api) -> int:
        headers = {"X-Forwarded-For": "203.0.113.77"}
        return (await api.post(STEP, {"challenge": "x", "code": "000000"}, headers=headers)).status


class TestStaff:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(SECURITY__STAFF_SECOND_FACTOR="true")

    async def test_the_role_of_staff_counts_with_a_factor(
        self, app: web.Application, api: Api, factory: Factory, new_owner: NewOwner
    ) -> None:
        chief, person = await new_owner(role="owner"), await factory.person(channel="market")
        star = await factory.star()
        order = await factory.order(person, star)
        needed = (403, "second_factor_setup_required")
        for method, path in (
            ("GET", f"/api/v1/orders/{order}/"),
            ("POST", f"/api/v1/orders/{order}/refund/"),
            ("POST", f"/api/v1/orders/{order}/cancel/"),
            ("POST", f"/admin/accounts/{person.id}/block/"),
            ("GET", f"/api/profiles/profiles/{person.id}/"),
        ):
            answer = await api.request(method, path, as_=chief.person, json={})
            assert await code_of(answer) == needed, path
        assert (await api.get("/api/v1/users/me/", as_=chief.person)).status == 200
        assert (await api.get("/api/v1/orders/", as_=chief.person)).status == 200
        assert (await api.get(f"/api/v1/orders/{order}9/", as_=chief.person)).status == 404
        assert (await (await api.get(FACTORS, as_=chief.person)).json())["is_required"]
        factor = (await chief.add_totp())["factor"]
        assert (await api.get(f"/api/v1/orders/{order}/", as_=chief.person)).status == 200
        assert await code_of(await api.delete(f"{FACTORS}{factor['id']}/", as_=chief.person)) == (
            409,
            "last_staff_factor",
        )
        answer = await chief.finish(await chief.challenge(), chief.next_code(), remember=True)
        assert "mystar_remembered" not in answer.cookies, "staff are asked every time"

    async def test_staff_reset_the_factors_of_others(
        self, app: web.Application, api: Api, factory: Factory, new_owner: NewOwner
    ) -> None:
        chief, operator, lost = await new_owner(role="owner"), await new_owner(role="operator"), await new_owner()
        for one in (chief, operator, lost):
            await one.add_totp()

        async def reset(by: Owner, of: Owner) -> tuple[int, str | None]:
            answer = await api.post(f"/admin/accounts/{of.person.id}/reset-factors/", {}, as_=by.person)
            return (answer.status, None) if answer.status == 204 else await code_of(answer)

        assert (await reset(lost, lost))[0] == 403
        assert (await reset(operator, chief))[0] == 403
        assert (await reset(chief, chief))[0] == 403
        await app[DATABASE].execute("update sessions set authenticated_at = now() - interval '30 minutes'")
        assert await reset(operator, lost) == (403, "reauthentication_needed")
        again = {"code": operator.next_code()}
        assert (await api.post("/api/v1/users/me/reauthentication/", again, as_=operator.person)).status == 204
        assert await reset(operator, lost) == (204, None)
        assert await reset(operator, lost) == (409, "no_factors")
        assert (await api.get(FACTORS, as_=lost.person)).status == 401
        assert (await lost.log_in()).status == 200
        assert len(await mails(app, "добавлено приложение с кодами")) == 3
        assert len(await mails(app, "второй фактор удалён сотрудником")) == 1
        (entry,) = await audited(app, "factors_dropped")
        assert (entry.actor_id, entry.details["before"], entry.details["reason"]) == (
            operator.person.id,
            "totp",
            "reset",
        )
        assert (await app[SERVICE].reset_by_operator(operator.person.username)).id == operator.person.id
        assert await app[DATABASE].value("select count(*) from second_factors") == 1
