"""The second factor in the panel, as a browser without scripts uses it, and step-up."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote

import pyotp
import pytest
from aiohttp import ClientResponse, web

from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.admin.conftest import TOKEN, AsRole, Panel, sign_in, submit_sign_in
from tests.conftest import Api
from tests.factory import Factory, Person

_CHALLENGE = re.compile(r'name="challenge" value="([^"]+)"')
_CODES = re.compile(r"[0-9a-z]{4}(?:-[0-9a-z]{4}){2}")
_HTML = {"Accept": "text/html"}


async def enrol(panel: Panel) -> tuple[str, list[str]]:
    """Add an application; the secret and the recovery codes."""
    page = await (await panel.post("/admin/security/totp/")).text()
    assert 'src="data:image/svg+xml' in page
    (secret,) = re.findall(r">([A-Z2-7]{32})<", page)
    (challenge,) = _CHALLENGE.findall(page)
    wrong = await panel.post("/admin/security/totp/confirm/", challenge=challenge, code="000000")
    assert wrong.status == 422
    assert secret in await wrong.text()
    made = await panel.post("/admin/security/totp/confirm/", challenge=challenge, code=pyotp.TOTP(secret).now())
    codes = _CODES.findall(await made.text())
    assert (made.status, len(codes), made.headers["Cache-Control"]) == (200, 10, "no-store")
    return secret, codes


async def second_form(api: Api, person: Person, where: str = "/admin/") -> tuple[str, str]:
    """The challenge and the CSRF token of the form that follows the right password."""
    answer = await submit_sign_in(api, person.email, person.password, next=where)
    text = await answer.text()
    assert (answer.status, "mystar_admin" in answer.cookies) == (200, False), text
    return _CHALLENGE.findall(text)[0], TOKEN.findall(text)[0]


async def send(api: Api, challenge: str, token: str, **fields: str) -> ClientResponse:
    data = {"form_token": token, "challenge": challenge, "next": "/admin/orders/", **fields}
    return await api.post("/admin/sign-in/second-factor/", data=data, headers=_HTML)


async def test_sign_in_asks_for_the_second_factor(api: Api, factory: Factory) -> None:
    person = await factory.staff("operator")
    panel = await sign_in(api, person)
    _, codes = await enrol(panel)
    assert "Приложение" not in (await panel.page("/admin/security/")).split("<main")[1].split("Добавить")[1]
    challenge, token = await second_form(api, person)
    for fields, status, text in (
        ({"code": "000000"}, 401, "Код или ключ доступа не подошёл."),
        ({"code": ""}, 422, "Нужен код или ключ доступа."),
        ({"credential": "not json"}, 422, "Нужен код или ключ доступа."),
        ({"credential": '{"rawId": "AA"}'}, 401, "Код или ключ доступа не подошёл."),
    ):
        answer = await send(api, challenge, token, **fields)
        page = await answer.text()
        assert (answer.status, text in page, challenge in page) == (status, True, True), page
    assert (await send(api, challenge, "0" * 40, code=codes[0])).status == 403
    answer = await send(api, challenge, token, code=codes[0])
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/orders/")
    assert answer.cookies["mystar_admin"]["httponly"] is True
    # The challenge is used: one begins again.
    answer = await send(api, challenge, token, code=codes[1])
    page = await answer.text()
    assert (answer.status, "Подтверждение устарело" in page, 'name="password"' in page) == (422, True, True)
    # The options for the script, with the token of the form only.
    challenge, token = await second_form(api, person)
    path = "/admin/sign-in/second-factor/options/"
    assert (await api.post(path, data={"challenge": challenge, "form_token": "x"})).status == 403
    options = await api.post(path, data={"challenge": challenge, "form_token": token})
    assert (await options.json())["public_key"]["rpId"] == "localhost"
    options = await api.post("/admin/sign-in/passkey/options/", data={"form_token": token})
    assert (await options.json())["public_key"]["userVerification"] == "required"
    alone = await api.post("/admin/sign-in/passkey/", data={"form_token": token, "challenge": "x", "credential": "{}"})
    assert alone.status == 422


async def test_people_without_a_role_cannot_enter_with_their_factor(
    api: Api, app: web.Application, factory: Factory
) -> None:
    person = await factory.staff("operator")
    _, codes = await enrol(await sign_in(api, person))
    await app[DATABASE].execute("update accounts set role = null")
    challenge, token = await second_form(api, person)
    answer = await send(api, challenge, token, code=codes[0])
    assert (answer.status, "mystar_admin" in answer.cookies) == (403, False)


async def test_refunds_roles_and_resets_require_step_up(
    api: Api, app: web.Application, factory: Factory, as_role: AsRole
) -> None:
    owner, person = await as_role("owner"), await factory.person()
    secret, _ = await enrol(owner)
    account, order_id = f"/admin/accounts/{person.id}/", await factory.order(person, await factory.star())
    await app[DATABASE].execute("update sessions set authenticated_at = now() - interval '11 minutes'")
    referer = {"Referer": f"{api.url}{account}?q=1"}
    for path, page in (
        (f"{account}reset-factors/", f"{account}?q=1"),
        ("/admin/security/totp/", f"{account}?q=1"),
        ("/admin/security/recovery-codes/", "/admin/security/"),
    ):
        answer = await owner.post(path, headers=referer)
        assert (answer.status, answer.headers["Location"]) == (303, f"/admin/step-up/?next={quote(page, safe='')}"), (
            path
        )
    await app[DATABASE].execute("update orders set status = 'in_progress', money = 'captured'")
    # What was typed is kept over the step-up, but for passwords.
    for path, page, fields in (
        (f"{account}role/", f"{account}?q=1", {"role": "viewer"}),
        ("/admin/staff/", "/admin/staff/", {"username": "new-one", "password": "Some-Long-Word-9", "role": "owner"}),
        (f"/admin/orders/{order_id}/refund/", f"/admin/orders/{order_id}/", {"amount": "", "seen": "0"}),
    ):
        asked = await (answer := await owner.post(path, headers=referer, **fields)).text()
        assert (answer.status, f'name="next" value="{page}"' in asked, "Some-Long" in asked) == (403, True, False), path
    kept = html.unescape(re.findall(r'name="kept" value="([^"]+)"', asked)[0])
    assert json.loads(kept) == {"action": path, "values": {"seen": ["0"]}}
    refused = await api.post(f"/api/v1/orders/{order_id}/refund/", {}, as_=await aged(api, app, factory))
    assert (refused.status, (await refused.json())["code"]) == (403, "reauthentication_needed")

    page = await owner.page(f"/admin/step-up/?next={account}")
    assert f'name="next" value="{account}"' in page
    step = "/admin/step-up/"
    for fields, text in (
        ({"password": "wrong"}, "Пароль указан неверно."),
        ({"code": "000000"}, "Код или ключ доступа не подошёл."),
        ({}, "Нужен код или ключ доступа."),
    ):
        answer = await owner.post(step, next=account, **fields)
        assert (answer.status, text in await answer.text()) == (422, True), fields
    code = pyotp.TOTP(secret).at(time.time() + 30)
    assert await owner.do(step, next="https://evil.example/", code=code) == "/admin/?confirmed=1"
    assert await owner.do(f"{account}role/", role="viewer") == account
    assert await app[DATABASE].value("select role from accounts where id = %(id)s", id=person.id) == "viewer"
    await app[DATABASE].execute("update sessions set authenticated_at = now() - interval '11 minutes'")
    asked = await (await owner.post("/admin/staff/", username="new-one", password="x" * 9, role="operator")).text()
    kept = html.unescape(re.findall(r'name="kept" value="([^"]+)"', asked)[0])
    wrong = await (await owner.post(step, next="/admin/staff/", kept=kept, password="wrong")).text()
    assert html.escape(kept) in wrong
    again = await owner.post(step, next="/admin/staff/", kept=kept, password=owner.person.password)
    page = await again.text()
    assert (again.status, 'value="new-one"' in page, "Подтверждено." in page) == (200, True, True)
    assert re.search(r'value="operator" selected', page)
    await app[DATABASE].execute("update sessions set authenticated_at = now() - interval '11 minutes'")
    where = await owner.do(step, next=f"{account}?done=1", password=owner.person.password)
    assert where == f"{account}?done=1&confirmed=1"


async def aged(api: Api, app: web.Application, factory: Factory) -> Person:
    """A member of the staff whose session is older than ten minutes."""
    person = await factory.staff("operator")
    await app[DATABASE].execute("update sessions set authenticated_at = now() - interval '11 minutes'")
    return person


class TestObligatory:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(SECURITY__STAFF_SECOND_FACTOR="true")

    async def test_staff_without_a_factor_reach_only_the_page_that_sets_it_up(self, api: Api, factory: Factory) -> None:
        person = await factory.staff("owner")
        answer = await submit_sign_in(api, person.email, person.password)
        panel = Panel(api, person, answer.cookies["mystar_admin"].value)
        for path in ("/admin/", "/admin/orders/", f"/admin/accounts/{person.id}/", "/admin/audit/"):
            answer = await panel.get(path)
            assert (answer.status, answer.headers["Location"]) == (303, "/admin/security/"), path
        page = await panel.page("/admin/security/")
        assert "Сотрудникам нужен второй фактор" in page
        assert 'href="/admin/orders/"' not in page
        panel.token = TOKEN.findall(page)[0]
        assert (await panel.post("/admin/tags/", name="x")).headers["Location"] == "/admin/security/"
        assert (await panel.post("/admin/security/totp/", form_token="x")).status == 403
        await enrol(panel)
        assert "<h1>Сводка</h1>" in await panel.page("/admin/")
        (path,) = set(re.findall(r"/admin/security/factors/\d+/remove/", await panel.page("/admin/security/")))
        assert (await panel.post(path)).status == 409
