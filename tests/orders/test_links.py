"""Links of mails need no token, so each does one thing for one order, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from aiohttp import web
from yarl import URL

from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE
from mystar.notifications.keys import NOTIFICATIONS
from mystar.orders.keys import ORDERS
from mystar.payments.keys import PAYMENTS
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.orders.market import Market

PAGE = {"Accept": "text/html", "Accept-Language": "en"}


def path(link: str) -> str:
    return URL(link).path_qs


@pytest.fixture
async def later(market: Market) -> Callable[[timedelta], web.Application]:
    """Moves the clock of the services that check links."""
    services = [market.app[key] for key in (ORDERS, NOTIFICATIONS, PAYMENTS)]

    def move(by: timedelta) -> web.Application:
        for one in services:
            one._clock = FrozenClock(Clock().now() + by)
        return market.app

    return move


@pytest.mark.one_process("set the clock of the service")
async def test_links_of_mails_expire(market: Market, later: Callable[[timedelta], web.Application]) -> None:
    order, buyer, api = (await market.place())["id"], market.buyer, market.api
    unsubscribe = path(await market.app[NOTIFICATIONS].unsubscribe_link(buyer.id))
    links = {
        path(market.app[ORDERS].link_to_pay(order)): (29, 32),
        unsubscribe: (89, 92),
        path(market.app[PAYMENTS]._return_link(order)): (2, 4),
    }
    for link, (living, ended) in links.items():
        later(timedelta(days=living))
        alive = await api.get(link, headers=PAGE, allow_redirects=False)
        later(timedelta(days=ended))
        dead = await api.get(link, headers=PAGE, allow_redirects=False)
        assert dead.status in (403, 404), link
        assert alive.status not in (403, 404) or link.startswith("/payments/return/"), (link, await alive.text())
    later(timedelta(days=92))
    assert (await api.post(unsubscribe)).status == 403
    assert await market.app[DATABASE].value("select bool_and(by_mail) from notification_boxes") is not False


async def test_a_link_to_unsubscribe_ends_when_mails_are_switched_on_again(market: Market) -> None:
    api, buyer, wants = market.api, market.buyer, "select by_mail from notification_boxes where account_id = %(id)s"
    links = []
    for _ in range(3):
        links.append(path(await market.app[NOTIFICATIONS].unsubscribe_link(buyer.id)))
        for _twice in range(2):
            assert (await api.post(links[-1])).status == 200
        assert await market.app[DATABASE].value(wants, id=buyer.id) is False
        assert (await api.patch("/api/v1/notifications/settings/", {"email": True}, as_=buyer)).status == 200
        for link in links:
            refused = await api.post(link, language="en")
            assert (refused.status, (await refused.json())["code"]) == (403, "unsubscribe_link_refused")
            assert (await api.get(link, headers=PAGE)).status == 403
        assert await market.app[DATABASE].value(wants, id=buyer.id) is True


async def test_a_link_to_unsubscribe_reveals_nothing_and_only_unsubscribes(market: Market) -> None:
    link = path(await market.app[NOTIFICATIONS].unsubscribe_link(market.buyer.id))
    page = await (await market.api.get(link, headers=PAGE)).text()
    assert market.buyer.username not in page
    assert market.buyer.email not in page
    wants = "select by_mail from notification_boxes where account_id = %(id)s"
    for _ in range(2):
        answer = await market.api.post(link, data={"List-Unsubscribe": "One-Click"})
        assert answer.status == 200
        assert await market.app[DATABASE].value(wants, id=market.buyer.id) is False
    await market.api.get(link, headers=PAGE)
    assert await market.app[DATABASE].value(wants, id=market.buyer.id) is False


async def test_a_link_to_pay_for_a_closed_order_shows_a_page(market: Market) -> None:
    order = (await market.place())["id"]
    link = path(market.app[ORDERS].link_to_pay(order))
    await market.act(order, "cancel", as_=market.buyer)
    answer = await market.api.get(link, headers=PAGE, allow_redirects=False)
    text = await answer.text()
    assert (answer.status, answer.content_type) == (409, "text/html"), text
    assert "Location" not in answer.headers
    assert await market.app[DATABASE].value("select count(*) from payments") == 0


async def test_a_signature_with_another_expiry_is_refused(api: Api, app: web.Application, market: Market) -> None:
    order = (await market.place())["id"]
    link = URL(app[ORDERS].link_to_pay(order))
    ends, _, signature = link.query["sig"].partition("-")
    for forged in (f"{int(ends) + 86400}-{signature}", signature, f"-{signature}", f"{'9' * 90}-x", "\u0661-x", "-"):
        answer = await api.get(str(link.update_query(sig=forged).relative()), allow_redirects=False)
        assert answer.status in (400, 403), forged
