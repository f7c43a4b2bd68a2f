"""Pages that people open from a mail or come back to: what refuses them is a page, in the language of the browser."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from aiohttp import web

from mystar.contracts.greetings.contract import _PAGE_ROUTES
from mystar.contracts.market import _PAGES
from mystar.kit.web.templates import render_page
from tests.conftest import Api

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
QUERY = "?token=x&account=1&sig=x&order_id=1&username=x&confirm=1"


async def test_every_link_of_a_mail_and_its_form_are_refused_with_a_page(api: Api, app: web.Application) -> None:
    pages = {*_PAGES, *_PAGE_ROUTES}
    routes = {
        (route.method, resource.canonical)
        for resource in app.router.resources()
        for route in resource
        if ".".join((resource.name or "").split(".")[:2]) in pages and route.method in ("GET", "POST")
    }
    assert {("POST", "/api/auth/undo-change/"), ("GET", "/api/auth/undo-change/")} <= routes
    assert len(routes) >= 15
    for method, path in sorted(routes):
        form = {"token": "x", "password": "long enough 7"} if method == "POST" else None
        for language, letters in (("ru", "[а-яё]"), ("en", "[a-z]")):
            headers = {**BROWSER, "Accept-Language": language}
            answer = await api.request(method, path + QUERY, data=form, headers=headers)
            page = await answer.text()
            assert 400 <= answer.status < 500, (method, path)
            assert answer.content_type == "text/html", (method, path, page)
            words = re.search(r'role="alert">([^<]*)<', page)
            assert words is not None, page
            assert re.search(letters, words[1])
            assert language == "ru" or not re.search("[А-Яа-яё№]", page)


async def test_a_mistyped_address_is_a_page_for_browsers_only(api: Api) -> None:
    page = await api.get("/no-such-page/", headers=BROWSER)
    assert (page.status, page.content_type) == (404, "text/html")
    for path, headers in (("/no-such-page/", {}), ("/api/v1/no-such/", BROWSER)):
        answer = await api.get(path, headers=headers)
        assert (answer.status, answer.content_type) == (404, "application/json")


@pytest.mark.parametrize("outcome", ["waiting", "paid", "failed", "returned"])
def test_pages_of_payments_are_written_in_one_language(outcome: str) -> None:
    choice = SimpleNamespace(order_id=1024, is_after_refusal=True)
    for is_greeting in (True, False):
        for again in ("", "/payments/"):
            page = render_page(
                "payment_return.html",
                "en",
                **{"outcome": outcome, "is_greeting": is_greeting, "is_charged": not is_greeting},
                **{"order_id": 1024, "again": again, "back": ""},
            )
            assert not re.search("[А-Яа-яё№]", page)
            assert "Order no. 1024" in page
    page = render_page("payment_method.html", "en", choice=choice, links={"sbp": "/", "bank_card": "/"}, amount="1 RUB")
    assert not re.search("[А-Яа-яё№]", page)


@pytest.mark.parametrize(("query", "title"), [("code=1&state=x", "Almost signed in"), ("error=x", "Not signed in")])
async def test_a_refused_sign_in_is_not_called_almost_done(api: Api, query: str, title: str) -> None:
    page = await api.get(f"/yandex/callback?{query}", headers={**BROWSER, "Accept-Language": "en"})
    assert f"<h1>{title}</h1>" in await page.text()
