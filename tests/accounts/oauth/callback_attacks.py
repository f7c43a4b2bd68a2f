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
class Scene:
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


Attack = Callable[[Scene], Awaitable[ClientResponse]]
ATTACKS: list[Attack] = []


def attack(function: Attack) -> Attack:
    ATTACKS.append(function)
    return function


# the state


@attack
async def no_state_and_no_cookie_from_another_program(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), state=None, agent="Another/1.0")


@attack
async def no_state_and_no_cookie_with_several_attempts(scene: Scene) -> ClientResponse:
    await scene.back()
    return await scene.come(await scene.back(), state=None)


@attack
async def a_made_up_state(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), state=secrets.token_urlsafe(32))


@attack
async def an_empty_state(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), state="")


@attack
async def a_state_that_lacks_its_end(scene: Scene) -> ClientResponse:
    back = await scene.back()
    return await scene.come(back, state=back.query["state"][:-1])


@attack
async def a_state_with_more_behind_it(scene: Scene) -> ClientResponse:
    back = await scene.back()
    return await scene.come(back, state=back.query["state"] + "A")


@attack
async def a_state_in_other_case(scene: Scene) -> ClientResponse:
    back = await scene.back()
    return await scene.come(back, state=back.query["state"].swapcase())


@attack
async def a_state_with_a_nul(scene: Scene) -> ClientResponse:
    back = await scene.back()
    return await scene.come(back, state=back.query["state"] + "\x00")


@attack
async def a_state_that_is_sql(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), state="' or '1'='1")


@attack
async def a_state_without_end(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), state="a" * 3000)


@attack
async def the_fixed_state_of_old_clients(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), state="state")


@attack
async def a_thiefs_state_in_the_victims_browser(scene: Scene) -> ClientResponse:
    thief, (_, victim) = await scene.back(**MAX), await scene.tab()
    return await scene.come(thief, cookie=victim)


@attack
async def a_victims_code_with_a_thiefs_state(scene: Scene) -> ClientResponse:
    if scene.flow.name == "vk_legacy":
        # No PKCE there: the client passes the state on and it must fit the cookie.
        thief, (victim, cookie) = await scene.back(**MAX), await scene.tab()
        return await scene.come(victim, state=thief.query["state"], cookie=cookie)
    thief, victim = await scene.back(**MAX), await scene.back()
    return await scene.come(victim, state=thief.query["state"])


@attack
async def a_made_up_cookie(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), state=None, cookie=secrets.token_urlsafe(32))


@attack
async def an_empty_cookie(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), state=None, cookie="")


@attack
async def a_cookie_of_letters_that_no_state_has(scene: Scene) -> ClientResponse:
    back, cookie = await scene.tab()
    return await scene.come(back, cookie="%D1%8F" + cookie)


# replays


@attack
async def the_same_return_twice(scene: Scene) -> ClientResponse:
    back = await scene.back()
    assert (await scene.come(back)).status == 200
    return await scene.come(back)


@attack
async def the_same_return_by_the_cookie(scene: Scene) -> ClientResponse:
    back, cookie = await scene.tab()
    assert (await scene.come(back)).status == 200
    return await scene.come(back, state=None, cookie=cookie)


@attack
async def a_spent_code_in_a_new_attempt(scene: Scene) -> ClientResponse:
    spent = await scene.back()
    assert (await scene.come(spent)).status == 200
    fresh = await link_of(scene.api, scene.flow)
    return await scene.come(spent, state=fresh.query["state"])


@attack
async def a_new_code_in_a_finished_attempt(scene: Scene) -> ClientResponse:
    first = await scene.back()
    assert (await scene.come(first)).status == 200
    second = await scene.back()
    return await scene.come(second, state=first.query["state"])


@attack
async def an_attempt_whose_first_code_was_wrong(scene: Scene) -> ClientResponse:
    back = await scene.back()
    assert (await scene.come(back, code="wrong")).status == 400
    return await scene.come(back)


# time


@attack
async def a_return_after_ten_minutes(scene: Scene) -> ClientResponse:
    back = await scene.back()
    scene.clock.ahead += timedelta(minutes=10, seconds=1)
    return await scene.come(back)


@attack
async def a_return_tomorrow_by_the_cookie(scene: Scene) -> ClientResponse:
    back, cookie = await scene.tab()
    scene.clock.ahead += timedelta(days=1)
    return await scene.come(back, state=None, cookie=cookie)


# the code


@attack
async def no_code(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), code=None)


@attack
async def an_empty_code(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), code="")


@attack
async def a_made_up_code(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), code=secrets.token_urlsafe(16))


@attack
async def a_code_that_breaks_the_line(scene: Scene) -> ClientResponse:
    back = await scene.back()
    return await scene.come(back, code=back.query["code"] + "\r\nX-Owner: 1")


@attack
async def a_code_with_parameters_of_its_own(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), code="x&grant_type=client_credentials")


@attack
async def a_code_without_end(scene: Scene) -> ClientResponse:
    return await scene.come(await scene.back(), code="a" * 5000)


@attack
async def the_person_said_no(scene: Scene) -> ClientResponse:
    back = await choose(await link_of(scene.api, scene.flow), deny="1")
    assert back.query["error"] == "access_denied"
    return await scene.come(back)


@attack
async def an_error_that_is_a_script(scene: Scene) -> ClientResponse:
    answer = await scene.come(await scene.back(), code=None, error="<script>alert(1)</script>")
    assert "<script>" not in await answer.text()
    return answer


# other addresses, other clients, other providers


@attack
async def a_code_for_another_redirect(scene: Scene) -> ClientResponse:
    """The victim is lured to a link that sends the code elsewhere; the thief brings it with a state that lives."""
    link = await link_of(scene.api, scene.flow)
    back = await choose(link.update_query(redirect_uri="https://thief.example/back"), **OLGA)
    return await scene.come(back)


@attack
async def a_code_for_nearly_the_same_redirect(scene: Scene) -> ClientResponse:
    link = await link_of(scene.api, scene.flow)
    back = await choose(link.update_query(redirect_uri=link.query["redirect_uri"] + "?x=1"), **OLGA)
    return await scene.come(back)


@attack
async def a_code_made_for_another_client(scene: Scene) -> ClientResponse:
    link = await link_of(scene.api, scene.flow)
    return await scene.come(await choose(link.update_query(client_id=scene.flow.stranger), **OLGA))


@attack
async def a_return_from_another_provider(scene: Scene) -> ClientResponse:
    other = await scene.other()
    return await scene.come(await choose(await link_of(scene.api, other), **OLGA))


@attack
async def another_providers_code_in_an_attempt_of_this_one(scene: Scene) -> ClientResponse:
    link, other = await link_of(scene.api, scene.flow), await scene.other()
    back = await choose(await link_of(scene.api, other), **OLGA)
    return await scene.come(back, state=link.query["state"], device_id="d")


@attack
async def this_providers_code_in_an_attempt_of_another_one(scene: Scene) -> ClientResponse:
    other = await link_of(scene.api, await scene.other())
    return await scene.come(await scene.back(), state=other.query["state"])


# tokens


@attack
async def a_token_made_for_another_site(scene: Scene) -> ClientResponse:
    token = await strangers_token(scene.flow, scene.sandbox.http, **OLGA)
    assert (await register(scene.api, scene.flow, token)).status == 400
    return await login(scene.api, scene.flow, token)


@attack
async def a_token_of_another_provider(scene: Scene) -> ClientResponse:
    token = await token_of(scene.api, await scene.other(), **MAX)
    assert (await register(scene.api, scene.flow, token)).status == 400
    return await login(scene.api, scene.flow, token)


@attack
async def a_made_up_token(scene: Scene) -> ClientResponse:
    return await login(scene.api, scene.flow, secrets.token_urlsafe(32))


@attack
async def a_token_that_writes_headers(scene: Scene) -> ClientResponse:
    return await login(scene.api, scene.flow, "x\r\nHost: thief.example")


@attack
async def a_token_in_letters_that_no_header_takes(scene: Scene) -> ClientResponse:
    return await login(scene.api, scene.flow, "токен")


@attack
async def our_own_access_token_as_the_providers(scene: Scene) -> ClientResponse:
    known = await register(scene.api, scene.flow, await token_of(scene.api, scene.flow, **MAX))
    body = await known.json()
    return await login(scene.api, scene.flow, body.get("token") or body["access"])


@attack
async def a_code_in_place_of_a_token(scene: Scene) -> ClientResponse:
    return await login(scene.api, scene.flow, (await scene.back()).query["code"])
