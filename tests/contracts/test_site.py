"""Mails, return pages and notifications lead to the site's pages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from aiohttp import web
from yarl import URL

from mystar.kit.keys import DATABASE
from mystar.payments.keys import PAYMENTS
from mystar.settings import Settings, SettingsWrong
from tests.conftest import Api
from tests.factory import Factory
from tests.orders.market import open_market
from tests.sandbox_process import SandboxProcess

SITE = "https://site.example"
PASSWORD = "Greeting-for-Mum-77"


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(HTTP__SITE_URL=SITE)


def draft(name: str) -> dict[str, str]:
    return {"username": name, "email": f"{name}@example.com", "password": PASSWORD}


def link_in(text: str) -> str:
    found = re.search(r"https?://\S+", text)
    assert found is not None, text
    return found[0]


async def test_the_greetings_mails_lead_to_the_site(api: Api, sandbox_process: SandboxProcess) -> None:
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


async def test_a_site_without_a_page_gets_the_service_s_own_with_a_way_back(
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


async def test_orders_lead_to_their_pages(api: Api, app: web.Application, factory: Factory) -> None:
    market = await open_market(app, api, factory)
    order = await market.place()
    (payload,) = [
        row["payload"]
        for row in await app[DATABASE].all("select payload from outbox where topic in ('mail', 'account_mail')")
        if row["payload"]["to"] == market.creator.email
    ]
    assert f"{SITE}/orders/{order['id']}" in payload["text"]
    assert f"{SITE}/orders/{order['id']}" in payload["html"]
    assert payload["subject"] == "UGC Market: Уведомление!"
    told = await (await api.get("/api/v1/notifications/", as_=market.creator)).json()
    assert [one["link"] for one in told["results"]] == [f"/orders/{order['id']}"]

    link = (await (await api.post(f"/api/v1/orders/{order['id']}/pay/", as_=market.buyer)).json())["link"]
    await api.get(link)
    back = URL(app[PAYMENTS]._return_link(order["id"]))
    page = await (await api.get(str(back.relative()), headers={"Accept": "text/html"})).text()
    assert f'href="{SITE}/orders/{order["id"]}"' in page


async def test_an_error_speaks_the_dialect_s_terms(api: Api, factory: Factory) -> None:
    person = await factory.person()
    market = await (await api.get("/api/v1/creators/999/")).json()
    greetings = await (await api.post("/api/star/like/", {"star_id": 999}, as_=person)).json()
    assert (market["detail"], greetings) == ("Креатор не найден.", ["Звезда не найдена."])


@pytest.mark.parametrize("path", ["orders/{id}", "/orders/{secret}", "/orders/{", "https://site.example/{id}"])
def test_a_page_is_a_path_with_known_placeholders(make_settings: Callable[..., Settings], path: str) -> None:
    with pytest.raises(SettingsWrong, match="MYSTAR_SITE__MARKET__ORDER"):
        make_settings(SITE__MARKET__ORDER=path)


async def test_the_first_page_leads_to_the_site(api: Api) -> None:
    answer = await api.get("/", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, f"{SITE}/")
