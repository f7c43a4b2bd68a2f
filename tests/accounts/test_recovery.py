"""What protects an account from a person who was let in once: recovery, step-up, changes that can be undone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from aiohttp import web

from mystar.accounts.keys import ACCOUNTS, CONTACTS
from mystar.accounts.keys import IDENTITIES as IDENTITIES_OF
from mystar.accounts.model import ClientInfo
from mystar.accounts.repository import AccountRepository
from mystar.audit.keys import AUDIT
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Tx
from mystar.kit.security.tokens import token_of as token_of_seed
from mystar.settings import Settings
from tests.accounts.oauth.oauth_flow import VK, YANDEX, login, register, token_of
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, Person
from tests.sandbox_process import SandboxProcess
from tests.waiting import behind

NEW = "Another-Word-For-Mum-8"
THIEF = {"login": "thief", "email": "thief@example.com"}
IDENTITIES = "/api/v1/users/me/identities/"


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(HTTP__TRUSTED_PROXIES="127.0.0.0/8")


async def token_in(sandbox: SandboxProcess, email: str, subject: str) -> str:
    mail = await sandbox.wait_for_mail(email, subject)
    (token,) = {found for link in mail["links"] for found in re.findall(r"token=(\w+)", link)}
    return str(token)


async def age(app: web.Application, person: Person) -> None:
    """The session was opened long ago."""
    moment = "authenticated_at = now() - interval '11 minutes'"
    await app[DATABASE].execute(f"update sessions set {moment} where account_id = %(id)s", id=person.id)


async def actions(app: web.Application) -> list[str]:
    return [entry.event.action for entry in await app[AUDIT].tail(100)]


# Confirmation and reset


async def test_the_first_confirmation_drops_what_a_stranger_attached(
    api: Api, app: web.Application, sandbox_process: SandboxProcess
) -> None:
    """A stranger registers with the e-mail of a victim, who confirms it from elsewhere."""
    email, stranger = "victim-of-a-stranger@example.com", {"X-Forwarded-For": "203.0.113.1"}
    draft = {"username": "stranger", "email": email, "password": PASSWORD}
    assert (await api.post("/api/auth/register/", draft, headers=stranger)).status == 201
    body = {"username": email, "password": PASSWORD}
    session = await (await api.post("/api/auth/token/", body, headers=stranger)).json()
    headers = {"Authorization": f"Bearer {session['access']}"}
    vk = await token_of(api, VK, **THIEF)
    assert (await register(api, VK, vk, headers=headers)).status == 200
    api.forget_cookies()
    await sandbox_process.clear_mails()
    await api.post("/api/auth/verify-email/resend/", {"email": email})
    token = await token_in(sandbox_process, email, "одтвердите")

    confirmed = await api.post("/api/auth/verify-email/", {"token": token}, headers={"X-Forwarded-For": "198.51.100.1"})
    assert confirmed.status == 200
    assert (await api.get("/api/v1/users/me/", headers=headers)).status == 401
    assert (await login(api, VK, vk)).status == 400
    assert (await api.post("/api/auth/token/", body)).status == 401
    await token_in(sandbox_process, email, "Password Reset")


async def test_the_first_confirmation_keeps_what_its_own_client_attached(
    api: Api, sandbox_process: SandboxProcess
) -> None:
    email = "owner-who-confirms@example.com"
    draft = {"username": "confirming", "email": email, "password": PASSWORD}
    assert (await api.post("/api/auth/register/", draft)).status == 201
    token = await token_in(sandbox_process, email, "одтвердите")
    session = await (await api.post("/api/auth/token/", {"username": email, "password": PASSWORD})).json()
    headers = {"Authorization": f"Bearer {session['access']}"}
    assert (await api.post("/api/auth/verify-email/", {"token": token}, headers=headers)).status == 200
    assert (await api.get("/api/v1/users/me/", headers=headers)).status == 200
    assert (await api.post("/api/auth/token/", {"username": email, "password": PASSWORD})).status == 200


async def test_a_reset_drops_linked_sign_ins_and_known_devices(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    person = await factory.person(email="recovered@example.com", channel="market")
    vk = await token_of(api, VK, **THIEF)
    assert (await register(api, VK, vk, as_=person)).status == 200
    body = {"username": person.email, "password": PASSWORD}
    device = (await api.post("/api/auth/token/", body)).cookies["mystar_device"].value
    await api.post("/password_reset/", {"email": person.email})
    token = await token_in(sandbox_process, person.email, "Password Reset")
    assert (await api.post("/password_reset/confirm/", {"token": token, "password": NEW})).status == 200
    assert (await login(api, VK, vk)).status == 400
    sessions = app[ACCOUNTS]._sessions
    assert await sessions.recognize_device(ClientInfo(device=device), person.id) is None
    api.forget_cookies()
    device = (await api.post("/api/auth/token/", {**body, "password": NEW})).cookies["mystar_device"].value
    assert await sessions.recognize_device(ClientInfo(device=device), person.id) is not None
    assert {"identity_linked", "identity_unlinked"} <= set(await actions(app))


async def test_a_password_change_lists_linked_sign_ins(
    api: Api, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    person = await factory.person(email="lists-sign-ins@example.com", channel="market")
    assert (await register(api, VK, await token_of(api, VK, **THIEF), as_=person)).status == 200
    change = {"old_password": PASSWORD, "new_password": NEW}
    assert (await api.post("/api/auth/password/change/", change, as_=person)).status == 204
    mail = await sandbox_process.wait_for_mail(person.email, "пароль изменён")
    assert "через: vk" in mail["text"]


# Linked sign-ins


async def test_linking_needs_a_recent_session_and_is_mailed(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    person = await factory.person(email="links-a-sign-in@example.com", channel="market")
    vk = await token_of(api, VK, **THIEF)
    await age(app, person)
    refused = await register(api, VK, vk, as_=person)
    assert (refused.status, (await refused.json())["code"]) == (403, "reauthentication_needed")
    assert (await login(api, VK, vk)).status == 400
    wrong = await api.post("/api/v1/users/me/reauthentication/", {"password": NEW}, as_=person)
    assert wrong.status == 422
    assert (await api.post("/api/v1/users/me/reauthentication/", {"password": PASSWORD}, as_=person)).status == 204
    assert (await register(api, VK, vk, as_=person)).status == 200
    await sandbox_process.wait_for_mail(person.email, "вход через vk")
    assert {"password_refused", "identity_linked"} <= set(await actions(app))


async def test_a_linked_sign_in_that_is_just_being_removed_opens_no_session(
    api: Api, app: web.Application, factory: Factory
) -> None:
    """All sessions of a thief end when the owner takes the account back; none may begin at that moment."""
    person = await factory.person(channel="market")
    vk = await token_of(api, VK, **THIEF)
    assert (await register(api, VK, vk, as_=person)).status == 200
    api.forget_cookies()

    async def take_back(tx: Tx) -> None:
        await AccountRepository(tx).lock(person.id)
        await app[IDENTITIES_OF].drop(tx, person.id)

    assert (await behind(app[DATABASE], take_back, lambda: login(api, VK, vk))).status == 400


async def test_linked_sign_ins_are_listed_and_removed(api: Api, app: web.Application, factory: Factory) -> None:
    person, other = await factory.person(channel="market"), await factory.person(channel="market")
    assert await (await api.get(IDENTITIES, as_=person)).json() == []
    tokens = [await token_of(api, flow, login="mine", email="mine@example.com") for flow in (VK, YANDEX)]
    for flow, token in zip((VK, YANDEX), tokens, strict=True):
        assert (await register(api, flow, token, as_=person)).status == 200
    first, second = await (await api.get(IDENTITIES, as_=person)).json()
    assert (first["provider"], second["provider"]) == ("vk", "yandex")
    assert (await api.delete(f"{IDENTITIES}{first['id']}/", as_=other)).status == 404
    await age(app, person)
    assert (await api.delete(f"{IDENTITIES}{first['id']}/", as_=person)).status == 403
    await api.post("/api/v1/users/me/reauthentication/", {"password": PASSWORD}, as_=person)
    assert (await api.delete(f"{IDENTITIES}{first['id']}/", as_=person)).status == 204
    assert (await api.delete(f"{IDENTITIES}{first['id']}/", as_=person)).status == 404
    assert (await login(api, VK, tokens[0])).status == 400
    assert (await api.delete(IDENTITIES, as_=person)).status == 204
    assert await (await api.get(IDENTITIES, as_=person)).json() == []


async def test_the_last_way_to_log_in_cannot_be_removed(api: Api) -> None:
    token = await token_of(api, YANDEX, login="only", email="only@example.com")
    session = await (await register(api, YANDEX, token)).json()
    headers = {"Authorization": f"Bearer {session['access']}"}
    refused = await api.delete(IDENTITIES, headers=headers)
    assert (refused.status, (await refused.json())["code"]) == (409, "last_sign_in")
    assert (await login(api, YANDEX, token)).status == 200


# E-mail and phone


async def test_a_new_phone_needs_the_password_or_a_recent_session(
    api: Api, app: web.Application, factory: Factory
) -> None:
    person = await factory.person(channel="market")
    await age(app, person)
    path, phone = "/api/v1/users/me/", "+79161234500"
    refused = await api.patch(path, {"phone": phone}, as_=person)
    assert (refused.status, (await refused.json())["code"]) == (403, "reauthentication_needed")
    assert (await api.patch(path, {"first_name": "Ольга"}, as_=person)).status == 200, "names need none"
    assert (await api.patch(path, {"phone": phone, "current_password": NEW}, as_=person)).status == 422
    assert (await api.patch(path, {"phone": phone, "current_password": PASSWORD}, as_=person)).status == 200
    assert (await api.patch(path, {"phone": phone}, as_=person)).status == 200, "the same one"
    changed = [entry.event.details for entry in await app[AUDIT].tail(100) if entry.event.action == "field_changed"]
    assert changed[-1] == {"field": "phone", "before": "", "after": "+79…00"}


async def change_email(api: Api, person: Person, email: str) -> None:
    assert await (await api.put("/api/personal/", {"email": email}, as_=person)).json() == 201


async def test_a_change_can_be_undone_from_the_previous_email_for_a_week(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    """A thief with a stolen session takes the account over; its owner takes it back."""
    old, new = "owner-of-the-account@example.com", "thief-of-the-account@example.com"
    person = await factory.person(email=old)
    await change_email(api, person, new)
    undo = await token_in(sandbox_process, old, "адрес почты изменён")
    confirm = await token_in(sandbox_process, new, "одтвердите")
    assert (await api.post("/api/auth/verify-email/", {"token": confirm})).status == 200
    # The new address sets no password meanwhile.
    await sandbox_process.clear_mails()
    assert (await api.post("/password_reset/", {"email": new})).status == 200

    page = await api.get("/api/auth/undo-change/", params={"token": undo}, headers={"Accept": "text/html"})
    assert page.status == 200, "a mail program that opens the link undoes nothing"
    assert await app[DATABASE].value("select email from accounts where id = %(id)s", id=person.id) == new
    assert (await api.post("/api/auth/undo-change/", {"token": undo})).status == 200
    assert await app[DATABASE].value("select email from accounts where id = %(id)s", id=person.id) == old
    assert (await api.get("/api/v1/users/me/", as_=person)).status == 401
    assert (await api.post("/api/auth/token/", {"username": old, "password": PASSWORD})).status == 401
    reset = await token_in(sandbox_process, old, "Password Reset")
    assert (await api.post("/password_reset/confirm/", {"token": reset, "password": NEW})).status == 200
    assert (await api.post("/api/auth/token/", {"username": old, "password": NEW})).status == 200
    assert (await api.post("/api/auth/undo-change/", {"token": undo})).status in (400, 404)
    assert await sandbox_process.mails(new) == []
    assert "contact_change_undone" in await actions(app)


async def test_an_undone_change_takes_later_ones_of_other_fields_back(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    """The owner opens the first of two links: the other one must not be lost with the e-mail that it restores."""
    old, new = "owner-of-two-links@example.com", "thief-of-two-links@example.com"
    person = await factory.person(email=old, channel="market")
    changed = await api.patch("/api/v1/users/me/", {"phone": "+79161234567"}, as_=person)
    assert changed.status == 200, await changed.text()
    undo = await token_in(sandbox_process, old, "изменён номер телефона")
    await change_email(api, person, "step-of-two-links@example.com")
    await change_email(api, person, new)
    await sandbox_process.clear_mails()
    assert (await api.post("/api/auth/undo-change/", {"token": undo})).status == 200
    stored = await app[DATABASE].one("select email, email_key, phone from accounts where id = %(id)s", id=person.id)
    assert dict(stored) == {"email": old, "email_key": old, "phone": None}
    await token_in(sandbox_process, old, "Password Reset")
    assert await sandbox_process.mails(new, "Password Reset") == []
    assert (await actions(app)).count("contact_change_undone") == 2


async def test_a_new_email_gets_no_reset_link_by_undoing_a_later_change(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    """A thief changes the e-mail, confirms it, changes the phone, and undoes that."""
    old, new = "owner-of-an-undo@example.com", "thief-of-an-undo@example.com"
    person = await factory.person(email=old, channel="market")
    await change_email(api, person, new)
    confirm = await token_in(sandbox_process, new, "одтвердите")
    assert (await api.post("/api/auth/verify-email/", {"token": confirm}, as_=person)).status == 200
    assert (await api.patch("/api/v1/users/me/", {"phone": "+79161234568"}, as_=person)).status == 200
    undo = await token_in(sandbox_process, new, "изменён номер телефона")
    await sandbox_process.clear_mails()
    assert (await api.post("/api/auth/undo-change/", {"token": undo})).status == 200
    await token_in(sandbox_process, old, "Password Reset")
    assert await sandbox_process.mails(new, "Password Reset") == []


async def test_an_undone_change_restores_the_key_of_an_address_with_another_script(
    app: web.Application, api: Api, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    old = "owner@straße.example"
    person = await factory.person(email=old)
    await change_email(api, person, "owner-of-a-sharp-s@example.com")
    seed = await app[DATABASE].value(
        "select payload->>'seed' from outbox where topic = 'account_mail' and payload->>'to' = %(to)s", to=old
    )
    await app[CONTACTS].undo(token_of_seed(app[ACCOUNTS]._links._signer, seed))
    assert await app[DATABASE].value("select email_key from accounts where id = %(id)s", id=person.id) == old


async def test_an_undo_link_ends_after_seven_days(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    old, new = "week-old@example.com", "week-new@example.com"
    person = await factory.person(email=old)
    await change_email(api, person, new)
    undo = await token_in(sandbox_process, old, "адрес почты изменён")
    await app[DATABASE].execute("update contact_changes set expires_at = expires_at - interval '7 days'")
    assert (await api.post("/api/auth/undo-change/", {"token": undo})).status in (400, 404)
    assert (await api.post("/password_reset/", {"email": new})).status == 200
    await token_in(sandbox_process, new, "Password Reset")


async def test_an_unconfirmed_email_gets_no_undo_link(api: Api, sandbox_process: SandboxProcess) -> None:
    """It may belong to a stranger, who could take the account over."""
    old, new = "mistyped@example.com", "typed-right@example.com"
    assert (
        await api.post("/api/registration/", {"username": "typist", "email": old, "password": PASSWORD})
    ).status == 201
    session = await (await api.post("/api/login/", {"login": "typist", "password": PASSWORD})).json()
    headers = {"Authorization": f"Bearer {session['token']}"}
    assert await (await api.put("/api/personal/", {"email": new}, headers=headers)).json() == 201
    mail = await sandbox_process.wait_for_mail(old, "адрес почты изменён")
    assert not any("undo-change" in link for link in mail["links"])
