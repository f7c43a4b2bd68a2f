"""Mails, return pages and notifications lead to the site's pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from yarl import URL

from mystar.app import create_app
from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE, OUTBOX
from mystar.kit.outbox.mail import Mailer
from mystar.kit.web.site import SITE as SITE_KEY
from mystar.notifications.keys import NOTIFICATIONS
from mystar.notifications.tasks import Digests
from mystar.orders.keys import ORDERS
from mystar.payments.keys import PAYMENTS
from mystar.settings import Settings, SettingsWrong
from tests.api_server import ApiTestServer
from tests.clock import FrozenClock
from tests.conftest import Api, SignedIn
from tests.factory import Factory
from tests.orders.market import open_market
from tests.sandbox_process import SandboxProcess

SITE = "https://site.example"
#: Of every topic.
MAILS = "select payload from outbox where payload ->> 'subject' is not null"
PASSWORD = "Greeting-for-Mum-77"


@dataclass
class Token:
    token: str


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(HTTP__SITE_URL=SITE)


def draft(name: str) -> dict[str, str]:
    return {"username": name, "email": f"{name}@example.com", "password": PASSWORD}


def link_in(text: str) -> str:
    found = re.search(r"https?://\S+", text)
    assert found is not None, text
    return found[0]


async def test_mails_of_greetings_link_to_the_site(api: Api, sandbox_process: SandboxProcess) -> None:
    assert (await api.post("/api/registration/", draft("olga"))).status == 201
    mail = await sandbox_process.wait_for_mail("olga@example.com")
    link = URL(link_in(mail["text"]))
    assert mail["subject"].startswith("MySTAR")
    assert str(link).startswith(f"{SITE}/api/registration-confirm/?username=olga&confirm=1&token=")
    # The page of the site passes its query on.
    assert (await api.get(f"/api/registration-confirm/?{link.query_string}")).status == 200

    await api.post("/password-reset/", {"email": "olga@example.com"})
    mail = await sandbox_process.wait_for_mail("olga@example.com", "Password Reset")
    link = URL(link_in(mail["text"]))
    assert str(link.with_query(None)) == f"{SITE}/password-reset/confirm/"
    body = {"token": link.query["token"], "password": f"{PASSWORD}-2"}
    assert await (await api.post("/password-reset/confirm/", body)).json() == {"status": "OK"}


async def test_without_a_page_of_the_site_links_lead_to_the_page_of_the_service(
    api: Api, sandbox_process: SandboxProcess
) -> None:
    assert (await api.post("/api/auth/register/", draft("kira"))).status == 201
    mail = await sandbox_process.wait_for_mail("kira@example.com")
    assert "UGC Market" in mail["subject"]
    link = link_in(mail["text"])
    assert link.startswith(f"{api.url}/api/auth/verify-email/?token=")
    page = await (await api.get(link, headers={"Accept": "text/html"})).text()
    assert f'href="{SITE}/"' in page
    assert "поздравление" not in page


async def test_mails_of_orders_link_to_the_page_of_the_order(api: Api, app: web.Application, factory: Factory) -> None:
    market = await open_market(app, api, factory)
    order = await market.place()
    (payload,) = [
        row["payload"]
        for row in await app[DATABASE].all("select payload from outbox where topic in ('mail', 'account_mail')")
        if row["payload"]["to"] == market.creator.email
    ]
    assert f"{SITE}/orders/{order['id']}" in payload["text"]
    assert f"{SITE}/orders/{order['id']}" in payload["html"]
    assert payload["subject"] == f"UGC Market: новый заказ №{order['id']} — Ролик для блога, 1 000 ₽"
    told = await (await api.get("/api/v1/notifications/", as_=market.creator)).json()
    assert [one["link"] for one in told["results"]] == [f"/orders/{order['id']}"]

    link = (await (await api.post(f"/api/v1/orders/{order['id']}/pay/", as_=market.buyer)).json())["link"]
    await api.get(link)
    back = URL(app[PAYMENTS]._return_link(order["id"]))
    answer = await api.get(str(back.relative()), headers={"Accept": "text/html"})
    assert (answer.status, answer.headers["Location"]) == (303, f"{SITE}/orders/{order['id']}")
    assert await (await api.get(str(back.relative()))).json() == {"order_id": order["id"], "status": "pending"}


async def test_without_a_page_of_orders_a_greeting_links_to_the_site(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    star, customer = await factory.star("comet"), await factory.person("olga")
    order_id = await factory.order(customer, star)
    mail = await app[DATABASE].value(MAILS)
    assert (mail["to"], mail["subject"]) == (
        star.email,
        f"MySTAR: новый заказ №{order_id} — поздравление (comet), 15 000 ₽",
    )
    assert f"Принять или отклонить: {SITE}/\n" in mail["text"]
    assert f'href="{SITE}/"' in mail["html"]
    await factory.hold(order_id, sandbox_process)
    back = URL(app[PAYMENTS]._return_link(order_id)).relative()
    page = await (await api.get(str(back), headers={"Accept": "text/html"})).text()
    assert "Оплата получена" in page
    assert f'href="{SITE}/"' in page


async def test_each_dialect_has_a_page_to_return_to_after_payment(
    make_settings: Callable[..., Settings], factory: Factory, sandbox_process: SandboxProcess
) -> None:
    settings = make_settings(
        HTTP__SITE_URL=SITE,
        SITE__GREETINGS__ORDER="/my/order?id={id}",
        SITE__GREETINGS__PAYMENT="/paid?order={id}&status={status}",
    )
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        api, factory = Api(client), Factory(app)
        star, customer = await factory.star("comet"), await factory.person("olga")
        for status in ("waiting", "paid"):
            order_id = await factory.order(customer, star)
            if status == "paid":
                await factory.hold(order_id, sandbox_process)
            else:
                link = URL(app[ORDERS].link_to_pay(order_id))
                await app[ORDERS].pay_by_link(order_id, link.query["sig"], None)
            back = URL(app[PAYMENTS]._return_link(order_id)).relative()
            answer = await api.get(str(back), headers={"Accept": "text/html"})
            assert answer.status == 303, await answer.text()
            assert answer.headers["Location"] == f"{SITE}/paid?order={order_id}&status={status}"
        mails = [row["payload"]["text"] for row in await app[DATABASE].all(MAILS)]
        assert any(f"{SITE}/my/order?id={order_id}" in text for text in mails)


async def test_a_redirect_of_a_provider_never_ends_on_json(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(HTTP__SITE_URL=SITE)
    own = settings.http.public_url
    settings = make_settings(
        HTTP__SITE_URL=SITE,
        HTTP__PORT=settings.http.port,
        HTTP__PUBLIC_URL=own,
        OAUTH__YANDEX__REDIRECT_URLS=json.dumps({"greetings": f"{own}/api/mid-yandex/"}),
        OAUTH__VK__REDIRECT_URL=f"{own}/vk/get/token",
    )
    app = await create_app(settings, settings.database.url)
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        api = Api(client)
        answer = await api.get("/api/mid-yandex/?code=4454043&state=x", headers=browser)
        assert (answer.status, answer.headers["Location"]) == (302, f"{SITE}/yandex/callback?code=4454043&state=x")
        answer = await api.get("/vk/get/token?code=1&device_id=d", headers=browser)
        assert (answer.status, answer.headers["Location"]) == (302, f"{SITE}/vk/callback?code=1&device_id=d")
        # What a script fetches is answered as before, and so is an address that no provider redirects to.
        assert (await api.get("/api/mid-yandex/?code=4454043")).status == 400
        assert (await api.get("/yandex/get/token?code=1", headers=browser)).status == 400
        page = await (await api.get("/yandex/callback?code=1", headers=browser)).text()
        assert f'href="{SITE}/"' in page


#: What the other product would say.
_OF_GREETINGS = re.compile("MySTAR|звезд|звёзд|поздравлен|star|greeting", re.IGNORECASE)


async def test_mails_name_the_product_of_their_account(
    api: Api, app: web.Application, sandbox_process: SandboxProcess
) -> None:
    async def register(path: str, **person: str) -> SignedIn:
        answer = await api.post(path, person)
        assert answer.status in (200, 201), await answer.text()
        draft = {"username": person["email"], "password": PASSWORD}
        return Token((await (await api.post("/api/auth/token/", draft)).json())["access"])

    kira = await register("/api/auth/register/", **draft("kira"))
    await register("/api/registration/", **draft("anna"))
    await register("/auth/register/", **draft("messenger1"))
    await register(
        "/authorization/registration", email="lk@example.com", phone_number="+79990000003", hash_password=PASSWORD
    )
    await app[DATABASE].execute("update accounts set email_verified_at = now()")
    for name in ("kira", "anna"):
        await api.post("/password-reset/", {"email": f"{name}@example.com"})
        mail = await sandbox_process.wait_for_mail(f"{name}@example.com", "Password Reset")
        token = re.search(r"token=([\w.-]+)", mail["text"])
        assert token is not None
        await api.post("/password-reset/confirm/", {"token": token[1], "password": f"{PASSWORD}-2"})
        await sandbox_process.wait_for_mail(f"{name}@example.com", "пароль изменён")
    again = {"username": "kira@example.com", "password": f"{PASSWORD}-2"}
    kira = Token((await (await api.post("/api/auth/token/", again)).json())["access"])
    phone = {"phone": "+79990000001", "current_password": f"{PASSWORD}-2"}
    assert (await api.patch("/api/v1/users/me/", phone, as_=kira)).status == 200
    anna_id = await app[DATABASE].value("select id from accounts where username = 'anna'")
    kira_id = await app[DATABASE].value("select id from accounts where username = 'kira'")
    other = {"username": "anna@example.com", "password": f"{PASSWORD}-2"}
    anna = Token((await (await api.post("/api/auth/token/", other)).json())["access"])
    for sender, recipient in ((kira, anna_id), (anna, kira_id)):
        chat = await (await api.post("/api/v1/conversations/", {"recipient_id": recipient}, as_=sender)).json()
        await api.post(f"/api/v1/conversations/{chat['id']}/messages/", {"message": "Привет"}, as_=sender)
    later = FrozenClock(Clock().now() + timedelta(minutes=61))
    mailer = Mailer(app[OUTBOX], sender="mystar <noreply@localhost>", brand=app[SITE_KEY].name)
    await Digests(app[DATABASE], app[NOTIFICATIONS], mailer, later).send()

    rows = await app[DATABASE].all(MAILS)
    said: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        said.setdefault(row["payload"]["to"].partition("@")[0], []).append(row["payload"])
    assert {name: len(mails) for name, mails in said.items()} == {"kira": 5, "anna": 4, "messenger1": 1, "lk": 1}
    for mail in said["kira"]:
        assert "UGC Market" in mail["subject"]
        for part in ("subject", "text", "html"):
            assert not _OF_GREETINGS.search(mail[part].replace(api.url, "")), mail[part]
    assert all("MySTAR" in mail["subject"] for mail in said["anna"])
    assert all("mystar" in mail["subject"] for name in ("messenger1", "lk") for mail in said[name])


async def test_a_new_email_is_confirmed_in_the_dialect_of_the_account(
    api: Api, sandbox_process: SandboxProcess
) -> None:
    for dialect, path in (("UGC Market", "/api/auth/register/"), ("MySTAR", "/api/registration/")):
        name = dialect[0].lower() + "ira"
        await api.post(path, draft(name))
        pair = await (await api.post("/api/auth/token/", {"username": name, "password": PASSWORD})).json()
        new = {"username": name, "email": f"new-{name}@example.com", "current_password": PASSWORD}
        changed = await api.put("/api/personal/", new | {"password": PASSWORD}, as_=Token(pair["access"]))
        assert await changed.json() == 201, await changed.text()
        assert dialect in (await sandbox_process.wait_for_mail(f"new-{name}@example.com"))["subject"]


async def test_an_error_uses_the_terms_of_the_dialect(api: Api, factory: Factory) -> None:
    person = await factory.person()
    market = await (await api.get("/api/v1/creators/999/")).json()
    greetings = await (await api.post("/api/star/like/", {"star_id": 999}, as_=person)).json()
    assert (market["detail"], greetings) == ("Креатор не найден.", ["Звезда не найдена."])


@pytest.mark.parametrize("path", ["orders/{id}", "/orders/{secret}", "/orders/{", "https://site.example/{id}"])
def test_a_page_is_a_path_with_known_placeholders(make_settings: Callable[..., Settings], path: str) -> None:
    with pytest.raises(SettingsWrong, match="MYSTAR_SITE__MARKET__ORDER"):
        make_settings(SITE__MARKET__ORDER=path)


async def test_the_home_page_links_to_the_site(api: Api) -> None:
    answer = await api.get("/", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, f"{SITE}/")
