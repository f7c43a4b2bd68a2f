"""Attacks on the callbacks of sign-in providers, each a coroutine that sends one of them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import ClientResponse, web
from yarl import URL

from mystar.kit.clock import Clock
from tests.accounts.oauth.oauth_flow import (
    VK,
    YANDEX,
    Flow,
    browser_of,
    choose,
    link_of,
    login,
    register,
    strangers_token,
    token_of,
)
from tests.conftest import Api
from tests.sandbox_process import SandboxProcess

OLGA, MAX = {"person": "olga.demo"}, {"person": "max.demo"}


class MovableClock(Clock):
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class AttackContext:
    api: Api
    app: web.Application
    sandbox: SandboxProcess
    clock: MovableClock
    flow: Flow

    async def back(self, **person: str) -> URL:
        """The redirect from the provider: a valid state and a valid code."""
        return (await self.tab(**person))[0]

    async def tab(self, **person: str) -> tuple[URL, str]:
        """The redirect, and the cookie of the browser."""
        link, cookie = await browser_of(self.api, self.flow)
        return await choose(link, **(person or OLGA)), cookie

    async def come(
        self, back: URL, *, cookie: str | None = None, agent: str | None = None, **instead: str | None
    ) -> ClientResponse:
        """Without the browser's cookie, or with another one."""
        self.api.forget_cookies()
        query = {name: value for name, value in {**back.query, **instead}.items() if value is not None}
        headers = {"Cookie": f"mystar_sign_in_{self.flow.name}={cookie}"} if cookie is not None else {}
        headers |= {"User-Agent": agent} if agent else {}
        return await self.api.get(self.flow.code, params=query, headers=headers)

    async def other(self) -> Flow:
        return YANDEX if self.flow.name != "yandex" else VK


Attack = Callable[[AttackContext], Awaitable[ClientResponse]]
ATTACKS: list[Attack] = []


def attack(function: Attack) -> Attack:
    ATTACKS.append(function)
    return function


# the state


@attack
async def no_state_and_no_cookie_from_another_program(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), state=None, agent="Another/1.0")


@attack
async def no_state_and_no_cookie_with_several_attempts(context: AttackContext) -> ClientResponse:
    await context.back()
    return await context.come(await context.back(), state=None)


@attack
async def a_made_up_state(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), state=secrets.token_urlsafe(32))


@attack
async def an_empty_state(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), state="")


@attack
async def a_state_that_lacks_its_end(context: AttackContext) -> ClientResponse:
    back = await context.back()
    return await context.come(back, state=back.query["state"][:-1])


@attack
async def a_state_with_more_behind_it(context: AttackContext) -> ClientResponse:
    back = await context.back()
    return await context.come(back, state=back.query["state"] + "A")


@attack
async def a_state_in_other_case(context: AttackContext) -> ClientResponse:
    back = await context.back()
    return await context.come(back, state=back.query["state"].swapcase())


@attack
async def a_state_with_a_nul(context: AttackContext) -> ClientResponse:
    back = await context.back()
    return await context.come(back, state=back.query["state"] + "\x00")


@attack
async def a_state_that_is_sql(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), state="' or '1'='1")


@attack
async def a_state_without_end(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), state="a" * 3000)


@attack
async def the_fixed_state_of_old_clients(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), state="state")


@attack
async def a_thiefs_state_in_the_victims_browser(context: AttackContext) -> ClientResponse:
    thief, (_, victim) = await context.back(**MAX), await context.tab()
    return await context.come(thief, cookie=victim)


@attack
async def a_victims_code_with_a_thiefs_state(context: AttackContext) -> ClientResponse:
    if context.flow.name == "vk_legacy":
        # No PKCE there: the client passes the state on and it must fit the cookie.
        thief, (victim, cookie) = await context.back(**MAX), await context.tab()
        return await context.come(victim, state=thief.query["state"], cookie=cookie)
    thief, victim = await context.back(**MAX), await context.back()
    return await context.come(victim, state=thief.query["state"])


@attack
async def a_made_up_cookie(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), state=None, cookie=secrets.token_urlsafe(32))


@attack
async def an_empty_cookie(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), state=None, cookie="")


@attack
async def a_cookie_of_letters_that_no_state_has(context: AttackContext) -> ClientResponse:
    back, cookie = await context.tab()
    return await context.come(back, cookie="%D1%8F" + cookie)


# replays


@attack
async def the_same_return_twice(context: AttackContext) -> ClientResponse:
    back = await context.back()
    assert (await context.come(back)).status == 200
    return await context.come(back)


@attack
async def the_same_return_by_the_cookie(context: AttackContext) -> ClientResponse:
    back, cookie = await context.tab()
    assert (await context.come(back)).status == 200
    return await context.come(back, state=None, cookie=cookie)


@attack
async def a_spent_code_in_a_new_attempt(context: AttackContext) -> ClientResponse:
    spent = await context.back()
    assert (await context.come(spent)).status == 200
    fresh = await link_of(context.api, context.flow)
    return await context.come(spent, state=fresh.query["state"])


@attack
async def a_new_code_in_a_finished_attempt(context: AttackContext) -> ClientResponse:
    first = await context.back()
    assert (await context.come(first)).status == 200
    second = await context.back()
    return await context.come(second, state=first.query["state"])


@attack
async def an_attempt_whose_first_code_was_wrong(context: AttackContext) -> ClientResponse:
    back = await context.back()
    assert (await context.come(back, code="wrong")).status == 400
    return await context.come(back)


# time


@attack
async def a_return_after_ten_minutes(context: AttackContext) -> ClientResponse:
    back = await context.back()
    context.clock.ahead += timedelta(minutes=10, seconds=1)
    return await context.come(back)


@attack
async def a_return_tomorrow_by_the_cookie(context: AttackContext) -> ClientResponse:
    back, cookie = await context.tab()
    context.clock.ahead += timedelta(days=1)
    return await context.come(back, state=None, cookie=cookie)


# the code


@attack
async def no_code(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), code=None)


@attack
async def an_empty_code(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), code="")


@attack
async def a_made_up_code(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), code=secrets.token_urlsafe(16))


@attack
async def a_code_that_breaks_the_line(context: AttackContext) -> ClientResponse:
    back = await context.back()
    return await context.come(back, code=back.query["code"] + "\r\nX-Owner: 1")


@attack
async def a_code_with_parameters_of_its_own(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), code="x&grant_type=client_credentials")


@attack
async def a_code_without_end(context: AttackContext) -> ClientResponse:
    return await context.come(await context.back(), code="a" * 5000)


@attack
async def the_person_said_no(context: AttackContext) -> ClientResponse:
    back = await choose(await link_of(context.api, context.flow), deny="1")
    assert back.query["error"] == "access_denied"
    return await context.come(back)


@attack
async def an_error_that_is_a_script(context: AttackContext) -> ClientResponse:
    answer = await context.come(await context.back(), code=None, error="<script>alert(1)</script>")
    assert "<script>" not in await answer.text()
    return answer


# other addresses, other clients, other providers


@attack
async def a_code_for_another_redirect(context: AttackContext) -> ClientResponse:
    """The victim is lured to a link that sends the code elsewhere; the thief brings it with a state that lives."""
    link = await link_of(context.api, context.flow)
    back = await choose(link.update_query(redirect_uri="https://thief.example/back"), **OLGA)
    return await context.come(back)


@attack
async def a_code_for_nearly_the_same_redirect(context: AttackContext) -> ClientResponse:
    link = await link_of(context.api, context.flow)
    back = await choose(link.update_query(redirect_uri=link.query["redirect_uri"] + "?x=1"), **OLGA)
    return await context.come(back)


@attack
async def a_code_made_for_another_client(context: AttackContext) -> ClientResponse:
    link = await link_of(context.api, context.flow)
    return await context.come(await choose(link.update_query(client_id=context.flow.stranger), **OLGA))


@attack
async def a_return_from_another_provider(context: AttackContext) -> ClientResponse:
    other = await context.other()
    return await context.come(await choose(await link_of(context.api, other), **OLGA))


@attack
async def another_providers_code_in_an_attempt_of_this_one(context: AttackContext) -> ClientResponse:
    link, other = await link_of(context.api, context.flow), await context.other()
    back = await choose(await link_of(context.api, other), **OLGA)
    return await context.come(back, state=link.query["state"], device_id="d")


@attack
async def this_providers_code_in_an_attempt_of_another_one(context: AttackContext) -> ClientResponse:
    other = await link_of(context.api, await context.other())
    return await context.come(await context.back(), state=other.query["state"])


# tokens


@attack
async def a_token_made_for_another_site(context: AttackContext) -> ClientResponse:
    token = await strangers_token(context.flow, context.sandbox.http, **OLGA)
    assert (await register(context.api, context.flow, token)).status == 400
    return await login(context.api, context.flow, token)


@attack
async def a_token_of_another_provider(context: AttackContext) -> ClientResponse:
    token = await token_of(context.api, await context.other(), **MAX)
    assert (await register(context.api, context.flow, token)).status == 400
    return await login(context.api, context.flow, token)


@attack
async def a_made_up_token(context: AttackContext) -> ClientResponse:
    return await login(context.api, context.flow, secrets.token_urlsafe(32))


@attack
async def a_token_that_writes_headers(context: AttackContext) -> ClientResponse:
    return await login(context.api, context.flow, "x\r\nHost: thief.example")


@attack
async def a_token_in_letters_that_no_header_takes(context: AttackContext) -> ClientResponse:
    return await login(context.api, context.flow, "токен")


@attack
async def our_own_access_token_as_the_providers(context: AttackContext) -> ClientResponse:
    known = await register(context.api, context.flow, await token_of(context.api, context.flow, **MAX))
    body = await known.json()
    return await login(context.api, context.flow, body.get("token") or body["access"])


@attack
async def a_code_in_place_of_a_token(context: AttackContext) -> ClientResponse:
    return await login(context.api, context.flow, (await context.back()).query["code"])
