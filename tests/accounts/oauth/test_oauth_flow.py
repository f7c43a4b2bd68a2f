"""The whole flow, with every provider in every dialect."""

from __future__ import annotations

import pytest
from aiohttp import web
from yarl import URL

from mystar.accounts.credentials import credential_of
from mystar.accounts.keys import ACCOUNTS, STAFF
from mystar.accounts.model import Account
from mystar.accounts.repository import AccountRepository
from mystar.kit.keys import DATABASE
from tests.accounts.oauth.oauth_flow import (
    FLOWS,
    MAILRU,
    VK,
    VK_LEGACY,
    YANDEX,
    YANDEX_GREETINGS,
    Flow,
    choose,
    come_back,
    link_of,
    login,
    register,
    token_of,
)
from tests.conftest import Api
from tests.factory import Factory
from tests.sandbox_process import SandboxProcess

OLGA = {"person": "olga.demo"}
each_flow = pytest.mark.parametrize("flow", FLOWS, ids=str)


async def account_of(app: web.Application, username: str) -> Account | None:
    found = await AccountRepository(app[DATABASE]).find(credential_of(username))
    return found[0] if found else None


@each_flow
async def test_a_new_identity_registers_and_logs_in(api: Api, app: web.Application, flow: Flow) -> None:
    token = await token_of(api, flow, **OLGA)
    stranger = await login(api, flow, token)
    assert stranger.status == (404 if flow.is_greetings else 400)

    registered = await register(api, flow, token)
    assert registered.status == (201 if flow.is_greetings else 200), await registered.text()
    assert registered.headers["Cache-Control"] == "no-store"
    body = await registered.json()
    access = body["token"] if flow.is_greetings else body["access"]
    actor = await app[ACCOUNTS].authenticate(access)

    again = await register(api, flow, token)
    assert again.status == 400

    session = await login(api, flow, await token_of(api, flow, **OLGA))
    assert session.status == 200, await session.text()
    body = await session.json()
    same = await app[ACCOUNTS].authenticate(body["token"] if flow.is_greetings else body["access"])
    assert same.id == actor.id
    assert same.session_id != actor.session_id

    account = await app[ACCOUNTS].profile(actor.id)
    # VK does not verify e-mails.
    assert account.is_verified == (flow.name in ("yandex", "mailru"))
    assert account.first_name == "Ольга"


async def test_identity_returns_the_token_response_of_the_provider(api: Api) -> None:
    for flow in (YANDEX, VK, MAILRU):
        answer = await come_back(api, flow, await choose(await link_of(api, flow), **OLGA))
        body = await answer.json()
        assert body["expire_in"] == body["expires_in"] > 0
        assert isinstance(body["access_token"], str)
        assert isinstance(body["refresh_token"], str)
        assert "state" not in body
        assert answer.cookies[f"mystar_sign_in_{flow.name}"].value == ""


async def test_greetings_return_the_token_response_of_the_provider(api: Api) -> None:
    answer = await come_back(api, VK_LEGACY, await choose(await link_of(api, VK_LEGACY), **OLGA))
    body = await answer.json()
    assert body.keys() == {"access_token", "expires_in", "user_id", "email"}
    assert body["expires_in"] == 0
    answer = await come_back(api, YANDEX_GREETINGS, await choose(await link_of(api, YANDEX_GREETINGS), **OLGA))
    assert (await answer.json()).keys() == {"access_token", "expires_in", "refresh_token", "token_type"}


@each_flow
async def test_a_link_is_made_for_one_attempt(api: Api, flow: Flow) -> None:
    answer = await api.get(flow.link)
    cookie = answer.cookies[f"mystar_sign_in_{flow.name}"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert int(cookie["max-age"]) == 600
    first, second = await link_of(api, flow), await link_of(api, flow)
    assert first.query["state"] != second.query["state"]
    assert first.query["response_type"] == "code"
    assert first.query["redirect_uri"].startswith("http")
    if flow.name != "vk_legacy":
        assert first.query["code_challenge"] != second.query["code_challenge"]
        assert first.query["code_challenge_method"].upper() == "S256"
    # Nothing of the verifier and nothing of a secret is in the link.
    assert "secret" not in str(first)


async def test_links_have_what_the_documents_print(api: Api) -> None:
    vk = (await link_of(api, VK)).query
    assert (vk["scope"], vk["code_challenge_method"]) == ("email", "s256")
    legacy = (await link_of(api, VK_LEGACY)).query
    assert (legacy["display"], legacy["scope"], legacy["v"]) == ("page", "email,offline", "5.124")
    mailru = (await link_of(api, MAILRU)).query
    assert (mailru["scope"], mailru["prompt_force"]) == ("userinfo", "1")
    text = await (await api.get("/yandex/link")).text()
    assert text.startswith('"http')
    assert text.endswith('"')


async def test_the_client_may_pass_the_state_on_in_place_of_the_cookie(api: Api) -> None:
    back = await choose(await link_of(api, YANDEX), **OLGA)
    api.forget_cookies()
    assert (await come_back(api, YANDEX, back)).status == 200


CLIENT = {"User-Agent": "Client/1.0"}


async def without_credentials(api: Api, flow: Flow, **person: str) -> URL:
    """The redirect of a client whose page is of another origin: its browser keeps no cookie."""
    answer = await api.get(flow.link, headers=CLIENT)
    body = await answer.json()
    api.forget_cookies()
    return await choose(URL(body["link"] if flow.is_greetings else body), **(person or OLGA))


@pytest.mark.parametrize("flow", [one for one in FLOWS if one.name != "vk_legacy"], ids=str)
async def test_a_client_of_another_origin_sends_nothing_but_the_code(api: Api, flow: Flow) -> None:
    back = await without_credentials(api, flow)
    query = {name: back.query[name] for name in ("code", "device_id") if name in back.query}
    assert (await api.get(flow.code, params=query, headers=CLIENT)).status == 200
    assert (await api.get(flow.code, params=query, headers=CLIENT)).status == 400, "once"


async def test_without_cookie_and_state_the_client_has_to_be_the_same_and_have_pkce(api: Api) -> None:
    for flow in FLOWS:
        back = await without_credentials(api, flow)
        query = {name: back.query[name] for name in ("code", "device_id") if name in back.query}
        for headers in ({"User-Agent": "Other/1.0"}, *([CLIENT] if flow.name == "vk_legacy" else [])):
            answer = await api.get(flow.code, params=query, headers=headers)
            assert answer.status == 400, flow


async def test_an_attempt_without_pkce_is_finished_by_the_browser_that_began_it(api: Api) -> None:
    victim = {"User-Agent": "Victim/1.0"}
    # The attacker's code and state, in the victim's browser: without a cookie, and with the cookie of an own attempt.
    attack = await without_credentials(api, VK_LEGACY)
    query = {"code": attack.query["code"], "state": attack.query["state"]}
    assert (await api.get(VK_LEGACY.code, params=query, headers=victim)).status == 400
    await api.get(VK_LEGACY.link, headers=victim)
    for injected in (query, {"code": attack.query["code"], "state": "x" * 40}):
        assert (await api.get(VK_LEGACY.code, params=injected, headers=victim)).status == 400
    # The victim's code in the attacker's browser, with and without the victim's state.
    api.forget_cookies()
    back = await without_credentials(api, VK_LEGACY)
    attacker = {"User-Agent": "Attacker/1.0"}
    for stolen in ({"code": back.query["code"]}, {"code": back.query["code"], "state": back.query["state"]}):
        assert (await api.get(VK_LEGACY.code, params=stolen, headers=attacker)).status == 400
    # None of this has used the victim's attempt up.
    query = {"code": back.query["code"], "state": back.query["state"]}
    assert (await api.get(VK_LEGACY.code, params=query, headers=CLIENT)).status == 200


async def test_a_code_does_not_link_to_the_signed_in_account(api: Api, app: web.Application, factory: Factory) -> None:
    person = await factory.person(channel="greetings")
    for flow in FLOWS:
        back = await without_credentials(api, flow)
        query = {name: back.query[name] for name in ("code", "state", "device_id") if name in back.query}
        assert (await api.get(flow.code, params=query, headers=CLIENT, as_=person)).status == 200
    assert await app[DATABASE].value("select count(*) from provider_identities") == 0


async def test_without_cookie_and_state_only_a_single_attempt_is_finished(api: Api) -> None:
    first, second = await without_credentials(api, YANDEX), await without_credentials(api, YANDEX)
    for back in (first, second):
        assert (await api.get(YANDEX.code, params={"code": back.query["code"]}, headers=CLIENT)).status == 400
    # The dialects are counted separately.
    back = await without_credentials(api, YANDEX_GREETINGS)
    assert (await api.get(YANDEX_GREETINGS.code, params={"code": back.query["code"]}, headers=CLIENT)).status == 200


@each_flow
async def test_two_tabs_of_a_browser_have_attempts_of_their_own(api: Api, flow: Flow) -> None:
    first, second = await link_of(api, flow), await link_of(api, flow)
    assert (await come_back(api, flow, await choose(first, **OLGA))).status == 200
    assert (await come_back(api, flow, await choose(second, **OLGA))).status == 200


@pytest.mark.parametrize("path", ["/vk/callback", "/mail.ru/callback", "/yandex/callback"])
async def test_the_default_redirect_shows_a_page_without_tokens(api: Api, path: str) -> None:
    links = [await link_of(api, flow) for flow in FLOWS]
    assert any(link.query["redirect_uri"].endswith(path) for link in links)
    answer = await api.get(path, params={"code": "secret-code", "state": "x"})
    text = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert "secret-code" not in text


async def test_the_cookie_is_enough_where_the_client_passes_only_the_code_on(api: Api) -> None:
    for flow in FLOWS:
        back = await choose(await link_of(api, flow), **OLGA)
        assert (await come_back(api, flow, back, state=None)).status == 200


async def test_verified_emails_lead_to_one_account(api: Api, app: web.Application) -> None:
    body = await (await register(api, YANDEX, await token_of(api, YANDEX, **OLGA))).json()
    first = await app[ACCOUNTS].authenticate(body["access"])
    # Mail.ru has never seen this person here, but vouches for the same, verified, mailbox.
    body = await (await login(api, MAILRU, await token_of(api, MAILRU, **OLGA))).json()
    assert (await app[ACCOUNTS].authenticate(body["access"])).id == first.id
    body = await (await login(api, YANDEX_GREETINGS, await token_of(api, YANDEX_GREETINGS, **OLGA))).json()
    assert body["id"] == first.id


async def test_both_vk_providers_share_the_id_of_a_person(api: Api) -> None:
    await register(api, VK, await token_of(api, VK, **OLGA))
    assert (await login(api, VK_LEGACY, await token_of(api, VK_LEGACY, **OLGA))).status == 200


async def test_an_unconfirmed_account_is_not_opened_by_its_email(api: Api) -> None:
    # An account is registered with a foreign e-mail, whose owner then comes through Yandex.
    draft = {"username": "waiting", "email": "victim@example.com", "password": "Greeting-for-Mum-77"}
    assert (await api.post("/api/registration/", draft)).status == 201
    person = {"login": "victim", "email": "Victim@example.com"}
    token = await token_of(api, YANDEX, **person)
    assert (await login(api, YANDEX, token)).status == 400
    refused = await register(api, YANDEX, token)
    assert refused.status == 400
    body = await refused.json()
    assert body["code"] == "sign_in_first"
    assert body["detail"] == body["message"]
    assert "Войдите" in body["detail"]
    greeted = await register(api, YANDEX_GREETINGS, token)
    assert greeted.status == 400
    assert list(await greeted.json()) == ["email"]


async def test_vk_never_opens_an_account_by_its_email(api: Api, factory: Factory) -> None:
    await factory.person("maria", email="maria@example.com")
    person = {"login": "not.maria", "email": "maria@example.com"}
    for flow in (VK, VK_LEGACY):
        token = await token_of(api, flow, **person)
        assert (await login(api, flow, token)).status in (400, 404)
        more = {"email": "maria@example.com", "phone": ""}
        assert (await register(api, flow, token, more)).status == 400


async def test_a_logged_in_account_links_an_identity(api: Api, factory: Factory, app: web.Application) -> None:
    maria = await factory.person("maria", email="maria@example.com")
    person = {"login": "vk.maria", "email": "other@example.com"}
    token = await token_of(api, VK, **person)
    linked = await register(api, VK, token, as_=maria)
    assert linked.status == 200, await linked.text()
    body = await (await login(api, VK, token)).json()
    assert (await app[ACCOUNTS].authenticate(body["access"])).id == maria.id
    # A second time is harmless for her and refused to anybody else.
    assert (await register(api, VK, token, as_=maria)).status == 200
    assert (await register(api, VK, token, as_=await factory.person())).status == 400


async def test_a_blocked_account_cannot_log_in(api: Api, factory: Factory, app: web.Application) -> None:
    body = await (await register(api, YANDEX, await token_of(api, YANDEX, **OLGA))).json()
    olga = await app[ACCOUNTS].authenticate(body["access"])
    owner = await app[ACCOUNTS].authenticate((await factory.staff()).token)
    await app[STAFF].block(owner, olga.id)
    token = await token_of(api, YANDEX, **OLGA)
    assert (await login(api, YANDEX, token)).status == 401
    assert (await login(api, YANDEX_GREETINGS, token)).status == 404


async def test_the_answer_of_a_vk_registration_has_the_profile_and_our_own_id(api: Api, app: web.Application) -> None:
    token = await token_of(api, VK_LEGACY, **OLGA)
    more = {"phone": 9161234567, "email": "olga.own@example.com"}
    body = await (await register(api, VK_LEGACY, token, more)).json()
    account = await app[ACCOUNTS].profile(body["id"])
    assert body["vk_id"] > 100_000_000
    assert body["vk_id"] != body["id"]
    assert (body["first_name"], body["screen_name"], body["bdate"]) == ("Ольга", "olga.demo", "12.4.1990")
    assert body.keys() >= {"can_access_closed", "is_closed", "photo_max_orig", "has_mobile", "last_name"}
    assert body.keys() >= {"token", "username", "phone", "is_star", "email", "avatar"}
    assert (body["phone"], body["email"]) == (9161234567, "olga.own@example.com")
    assert account.email == "olga.own@example.com"
    assert not account.is_verified


async def test_an_email_from_a_body_is_confirmed_by_a_mailed_link(api: Api, sandbox_process: SandboxProcess) -> None:
    token = await token_of(api, VK_LEGACY, login="mailed.vk")
    await register(api, VK_LEGACY, token, {"email": "mailed.vk@example.com"})
    await sandbox_process.wait_for_mail("mailed.vk@example.com")


async def test_a_taken_user_name_gets_a_number(api: Api, factory: Factory) -> None:
    await factory.person("Wanted.Name")
    person = {"login": "wanted.name", "email": "wanted@example.com"}
    body = await (await register(api, YANDEX_GREETINGS, await token_of(api, YANDEX_GREETINGS, **person))).json()
    assert body["username"] == "wanted.name-2"
    assert body["phone"] == 0
    assert body["is_star"] is False
    assert body["avatar"] == "Нет фото"


async def test_a_profile_without_email_and_name_is_registered(api: Api, app: web.Application) -> None:
    person = {"login": "\u200b1234567", "email": ""}
    body = await (await register(api, MAILRU, await token_of(api, MAILRU, **person))).json()
    account = await app[ACCOUNTS].profile((await app[ACCOUNTS].authenticate(body["access"])).id)
    assert account.email is None
    assert account.username


async def test_the_phone_of_the_newest_client_is_stored_and_unique(api: Api) -> None:
    first = await token_of(api, YANDEX_GREETINGS, login="phone.one")
    body = await (await register(api, YANDEX_GREETINGS, first, {"phone": "89161234567"})).json()
    assert body["phone"] == 9161234567
    second = await token_of(api, YANDEX_GREETINGS, login="phone.two")
    refused = await register(api, YANDEX_GREETINGS, second, {"phone": "+79161234567"})
    assert refused.status == 400
    assert list(await refused.json()) == ["phone"]
    wrong = await register(api, YANDEX_GREETINGS, second, {"phone": "12"})
    assert wrong.status == 400
    assert list(await wrong.json()) == ["phone"]


async def test_vk_login_of_the_older_client_is_a_get_request(api: Api) -> None:
    token = await token_of(api, VK_LEGACY, **OLGA)
    await register(api, VK_LEGACY, token)
    answer = await api.get(VK_LEGACY.login, params={"access_token": token, "email": "other@example.com"})
    assert answer.status == 200
    assert (await answer.json())["email"] is None


async def test_a_failed_vk_login_repeats_the_token_for_the_clients_page(api: Api) -> None:
    token = await token_of(api, VK, **OLGA)
    body = await (await login(api, VK, token)).json()
    assert body["access_token"] == token
    assert body["code"] == "not_registered"
    assert "access_token" not in await (await login(api, MAILRU, await token_of(api, MAILRU, **OLGA))).json()


async def test_without_a_token_greetings_answer_the_documented_text(api: Api) -> None:
    answer = await api.post("/api/vk-oauth/", {"phone": 0})
    assert answer.status == 400
    assert await answer.json() == ["access_token not found"]
    answer = await api.post("/api/yandex-oauth/", {})
    assert answer.status == 400
    assert list(await answer.json()) == ["access_token"]
    for path in ("/vk/login", "/mail.ru/registration"):
        answer = await api.get(path)
        assert answer.status == 422
        assert list((await answer.json())["errors"]) == ["access_token"]


async def test_a_get_request_does_not_register(api: Api, app: web.Application) -> None:
    token = await token_of(api, YANDEX, **OLGA)
    for path in ("/yandex/registration", "/yandex/login"):
        assert (await api.request("HEAD", path, params={"access_token": token})).status == 200
    assert await account_of(app, "olga.demo") is None


class TestMessenger:
    async def test_a_person_registers_and_logs_in(self, api: Api, app: web.Application) -> None:
        answer = await api.get("/auth/yandex_oauth_url/")
        link = URL((await answer.json())["yandex_url"])
        assert link.query["response_type"] == "token"
        back = await choose(link, **OLGA)
        token = back.with_query(back.fragment).query["access_token"]

        assert (await api.post("/auth/login_yandex/", params={"oauth_token": token})).status == 404
        answer = await api.post("/auth/yandex_oauth_register/", params={"oauth_token": token})
        assert (answer.status, await answer.json()) == (200, {"detail": "success"})
        answer = await api.post("/auth/yandex_oauth_register/", params={"oauth_token": token})
        assert answer.status == 400
        answer = await api.post("/auth/login_yandex/", params={"oauth_token": token})
        assert answer.status == 200
        body = await answer.json()
        assert body["type"] == "Bearer"
        await app[ACCOUNTS].authenticate(body["token"])

    async def test_invalid_input_is_refused(self, api: Api) -> None:
        for path in ("/auth/login_yandex/", "/auth/yandex_oauth_register/"):
            answer = await api.post(path)
            assert answer.status == 422
            answer = await api.post(path, params={"oauth_token": "nonsense"})
            assert answer.status == 400
            assert (await answer.json()).keys() >= {"detail", "message", "code"}
