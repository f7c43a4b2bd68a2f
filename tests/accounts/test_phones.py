"""An unproven phone yields to the person who proves it: by a sign-in provider, or to the staff."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mystar.audit.keys import AUDIT
from mystar.kit.keys import DATABASE
from tests.accounts.oauth.oauth_flow import VK, YANDEX_GREETINGS, login, register, token_of
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, Person, actor
from tests.sandbox_process import SandboxProcess

PHONE = "+79163334455"


async def phones(app: web.Application) -> dict[int, tuple[str | None, bool]]:
    rows = await app[DATABASE].all("select id, phone, phone_verified_at is not null as proven from accounts")
    return {row["id"]: (row["phone"], row["proven"]) for row in rows}


async def log_in_by_phone(api: Api, status: int) -> None:
    assert (await api.post("/api/auth/token/", {"username": PHONE, "password": PASSWORD})).status == status


async def entries(app: web.Application, action: str) -> list[dict[str, Any]]:
    events = [entry.event for entry in await app[AUDIT].tail(100)]
    return [{"subject": event.subject, **event.details} for event in events if event.action == action]


async def test_a_phone_that_a_provider_has_verified_is_taken_from_an_account_that_has_not_proven_it(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    squatter = await factory.person(email="squatter-of-a-phone@example.com", phone=PHONE)
    await log_in_by_phone(api, 200)
    token = await token_of(api, YANDEX_GREETINGS, login="owner.of.phone", email="owner@example.com", phone=PHONE)
    # The client sends the phone as well, as greetings do: an unproven one of another account is no obstacle.
    registered = await register(api, YANDEX_GREETINGS, token, {"phone": PHONE})
    assert registered.status == 201, await registered.text()
    assert (await registered.json())["phone"] == 9163334455
    owner = (await registered.json())["id"]
    assert await phones(app) == {squatter.id: (None, False), owner: (PHONE, True)}
    await log_in_by_phone(api, 401)
    mail = await sandbox_process.wait_for_mail(squatter.email, "номер телефона")
    assert "подтвердил другой человек" in mail["text"]
    assert await entries(app, "phone_released") == [{"subject": f"account:{squatter.id}", "taken_by": owner}]
    assert (await entries(app, "phone_proven"))[0]["by"] == "yandex"
    changed = [one for one in await entries(app, "field_changed") if one["field"] == "phone"]
    assert [(one["before"], one["after"]) for one in changed] == [("+79…55", ""), ("", "+79…55")]

    # A proven phone stays with its account: neither a registration nor another proof takes it.
    again = {"username": "late", "email": "late@example.com", "password": PASSWORD, "phone": PHONE}
    assert (await api.post("/api/auth/register/", again)).status == 409
    other = await token_of(api, VK, login="other.vk", phone=PHONE)
    assert (await register(api, VK, other)).status == 200
    assert (await phones(app))[owner] == (PHONE, True)


async def test_a_phone_is_proven_when_its_holder_signs_in_and_no_more_when_it_is_changed(
    api: Api, app: web.Application, factory: Factory
) -> None:
    token = await token_of(api, VK, login="holder.vk")
    body = await (await register(api, VK, token)).json()
    headers = {"Authorization": f"Bearer {body['access']}"}
    await api.patch("/api/v1/users/me/", {"phone": PHONE}, headers=headers)
    assert list((await phones(app)).values()) == [(PHONE, False)]
    token = await token_of(api, VK, login="holder.vk", phone=PHONE)
    assert (await login(api, VK, token)).status == 200
    assert list((await phones(app)).values()) == [(PHONE, True)]
    assert len(await entries(app, "phone_proven")) == 1
    assert (await login(api, VK, token)).status == 200
    assert len(await entries(app, "phone_proven")) == 1, "written once"
    await api.patch("/api/v1/users/me/", {"phone": "+79163334456"}, headers=headers)
    assert list((await phones(app)).values()) == [("+79163334456", False)]


async def test_staff_mark_a_phone_as_proven(api: Api, app: web.Application, factory: Factory) -> None:
    from mystar.accounts.keys import STAFF

    squatter, owner = await factory.person(phone=PHONE), await factory.person()
    staff: Person = await factory.staff("operator")
    await app[STAFF].prove_phone(actor(staff, "operator"), owner.id, "8 916 333-44-55", "a contract with the operator")
    known = await phones(app)
    assert (known[squatter.id], known[owner.id]) == ((None, False), (PHONE, True))
    (entry,) = await entries(app, "phone_proven")
    assert (entry["by"], entry["reason"]) == ("staff", "a contract with the operator")
