"""Web push: from a notification to the browser that decrypts it, and what is refused."""

from __future__ import annotations

import asyncio
import socket
import threading
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from mystar.kit.keys import DATABASE, OUTBOX
from mystar.kit.outbox.model import GiveUp
from mystar.kit.outbox.web_push import PublicResolver, Subscriber, VapidKey, WebPush, is_allowed
from mystar.notifications.keys import PUSH
from mystar.notifications.push.model import MAX_SUBSCRIPTIONS
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.orders.market import open_market
from tests.sandbox_process import SandboxProcess
from tests.subtests import as_subtests
from tests.waiting import eventually

SUBSCRIPTIONS, SETTINGS = "/api/v1/push/subscriptions/", "/api/v1/push/settings/"


class Browsers:
    """The sandbox's push service."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self._base = str(URL(sandbox.yookassa).origin())

    async def ask(self, method: str, path: str) -> Any:
        async with aiohttp.ClientSession() as session, session.request(method, self._base + path) as answer:
            return await answer.json() if answer.status != 204 else None

    async def new(self) -> dict[str, Any]:
        browser: dict[str, Any] = await self.ask("POST", "/push/browsers")
        return browser

    async def shown(self, browser: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
        """As soon as there are so many."""

        async def found() -> list[dict[str, Any]] | None:
            messages: list[dict[str, Any]] = await self.ask("GET", f"/push.json?browser={browser['id']}")
            return messages if len(messages) >= count else None

        messages = await eventually(found)
        assert messages is not None
        return messages


@pytest.fixture
def browsers(sandbox_process: SandboxProcess) -> Browsers:
    return Browsers(sandbox_process)


async def subscribed(api: Api, browsers: Browsers, person: Person) -> dict[str, Any]:
    browser = await browsers.new()
    body = {"endpoint": browser["endpoint"], "keys": browser["keys"]}
    answer = await api.post(SUBSCRIPTIONS, body, as_=person)
    assert answer.status == 201, await answer.text()
    again = await api.post(SUBSCRIPTIONS, body, as_=person)
    assert (again.status, (await again.json())["id"]) == (200, (await answer.json())["id"])
    return browser


async def listed(api: Api, person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await (await api.get(SUBSCRIPTIONS, as_=person)).json()
    return found


async def test_a_notification_reaches_the_browser_encrypted_unless_its_kind_is_muted(
    app: web.Application, api: Api, factory: Factory, browsers: Browsers
) -> None:
    market = await open_market(app, api, factory)
    creator = market.creator
    await market.place()  # before the subscription: not pushed
    browser = await subscribed(api, browsers, creator)
    order = (await market.place())["id"]
    (message,) = await browsers.shown(browser)
    assert message["data"] == {
        **{"id": message["data"]["id"], "type": "new_order", "title": "Новый заказ", "body": "У вас новый заказ!"},
        **{"link": "", "tag": f"new_order-order-{order}"},
    }
    assert (message["urgency"], message["topic"], message["from"]) == (
        "high",
        f"new-order-order-{order}",
        "mailto:support@localhost",
    )
    assert 86_000 < int(message["ttl"]) <= 86_400
    # Muted kinds are not pushed; what comes after them is.
    assert (await api.patch(SETTINGS, {"muted": ["new_order"]}, as_=creator)).status == 200
    assert (await api.patch(SETTINGS, {"muted": ["nonsense"]}, as_=creator)).status == 422
    quiet = (await market.place())["id"]
    await market.act(quiet, "cancel", as_=market.buyer)
    found = await browsers.shown(browser, 2)
    assert [one["data"]["type"] for one in found] == ["new_order", "order_cancelled"]
    # Many at once come as one.
    await api.patch(SETTINGS, {"muted": []}, as_=creator)
    db = app[DATABASE]
    await db.execute(
        "insert into notifications (id, account_id, kind, data, subject, subject_id, created_at)"
        " select nextval('notification_ids'), %(id)s, 'review', jsonb_build_object('order_id', n), 'order', n, now()"
        " from generate_series(1, 5) as n; update push_accounts set due_at = now() where account_id = %(id)s",
        id=creator.id,
    )
    await app[PUSH].queue_due()
    await eventually(lambda: _types(browsers, browser, "summary"))
    # A browser that is gone is forgotten; a session that ends is told nothing more.
    await browsers.ask("DELETE", f"/push/browsers/{browser['id']}")
    await market.place()
    await eventually(lambda: _is_empty(api, creator))
    other = await subscribed(api, browsers, creator)
    await db.execute("update sessions set ended_at = now() where account_id = %(id)s", id=creator.id)
    await market.place()
    await app[PUSH].queue_due()
    assert await browsers.ask("GET", f"/push.json?browser={other['id']}") == []
    assert await db.value("select count(*) from outbox where topic = 'push' and done_at is null") == 0


async def _types(browsers: Browsers, browser: dict[str, Any], wanted: str) -> bool:
    return any(one["data"]["type"] == wanted for one in await browsers.shown(browser))


async def _is_empty(api: Api, person: Person) -> bool:
    return await listed(api, person) == []


async def test_a_browser_belongs_to_the_account_that_subscribed_it_last_and_ten_are_kept(
    api: Api, factory: Factory, browsers: Browsers
) -> None:
    anna, boris = await factory.person(channel="market"), await factory.person(channel="market")
    browser = await subscribed(api, browsers, anna)
    (one,) = await listed(api, anna)
    assert one.keys() == {"id", "endpoint", "user_agent", "created_at"}
    assert (await api.delete(f"{SUBSCRIPTIONS}{one['id']}/", as_=boris)).status == 404
    body = {"endpoint": browser["endpoint"], "keys": browser["keys"]}
    assert (await api.post(SUBSCRIPTIONS, body, as_=boris)).status == 200
    assert (await listed(api, anna), len(await listed(api, boris))) == ([], 1)
    for _ in range(MAX_SUBSCRIPTIONS):
        await subscribed(api, browsers, boris)
    kept = await listed(api, boris)
    assert len(kept) == MAX_SUBSCRIPTIONS
    assert browser["endpoint"] not in {one["endpoint"] for one in kept}
    assert (await api.delete(f"{SUBSCRIPTIONS}{kept[0]['id']}/", as_=boris)).status == 204
    key = await (await api.get("/api/v1/push/key/")).json()
    assert len(key["public_key"]) == 87


async def add_news(app: web.Application, person: Person, kind: str, subject: str, count: int, first: int = 1) -> None:
    """Notifications that wait to be pushed."""
    await app[DATABASE].execute(
        "insert into notifications (id, account_id, kind, data, subject, subject_id, created_at)"
        " select nextval('notification_ids'), %(id)s, %(kind)s, '{\"order_id\": 1}', %(subject)s, n, now()"
        " from generate_series(%(first)s::int, %(first)s::int + %(count)s::int - 1) as n;"
        " insert into notification_boxes (account_id, last_id) values (%(id)s, currval('notification_ids'))"
        " on conflict (account_id) do update set last_id = excluded.last_id;"
        " update push_accounts set due_at = now() where account_id = %(id)s",
        **{"id": person.id, "kind": kind, "subject": subject, "count": count, "first": first},
    )


async def test_what_waits_for_a_browser_is_not_shown_to_the_next_person_there(
    app: web.Application, api: Api, factory: Factory, browsers: Browsers
) -> None:
    anna, boris = await factory.person(channel="market"), await factory.person(channel="market")
    browser = await subscribed(api, browsers, anna)
    await app[OUTBOX].stop()
    await add_news(app, anna, "review", "order", 1)
    await app[PUSH].queue_due()
    body = {"endpoint": browser["endpoint"], "keys": browser["keys"]}
    assert (await api.post(SUBSCRIPTIONS, body, as_=boris)).status == 200
    await add_news(app, boris, "review_reply", "order", 1)
    await app[PUSH].queue_due()
    app[OUTBOX].start()
    await eventually(lambda: _types(browsers, browser, "review_reply"))
    assert [one["data"]["type"] for one in await browsers.shown(browser)] == ["review_reply"]


async def test_messages_about_two_things_do_not_replace_each_other(
    app: web.Application, api: Api, factory: Factory, browsers: Browsers
) -> None:
    person = await factory.person(channel="market")
    browser = await subscribed(api, browsers, person)
    await add_news(app, person, "money_partly_returned", "order", 2, first=12340)
    await app[PUSH].queue_due()
    topics = {one["topic"] for one in await browsers.shown(browser, 2)}
    assert len(topics) == 2
    assert max(map(len, topics)) == 32


async def test_what_came_before_the_first_subscription_is_not_pushed_and_all_that_came_after_is(
    app: web.Application, api: Api, factory: Factory, browsers: Browsers
) -> None:
    person, db = await factory.person(channel="market"), app[DATABASE]
    await add_news(app, person, "review", "order", 2)
    assert (await api.patch(SETTINGS, {"muted": ["new_order"]}, as_=person)).status == 200
    browser = await subscribed(api, browsers, person)
    await add_news(app, person, "review_reply", "order", 1)
    await app[PUSH].queue_due()
    assert [one["data"]["type"] for one in await browsers.shown(browser)] == ["review_reply"]
    await add_news(app, person, "review", "order", 230)
    await app[PUSH].queue_due()
    summary = (await browsers.shown(browser, 2))[-1]["data"]
    assert "230" in summary["title"]
    newest = "select pushed_id = (select max(id) from notifications) from push_accounts where account_id = %(id)s"
    assert await db.value(newest, id=person.id)


@as_subtests
@pytest.mark.parametrize(
    ("endpoint", "keys", "field"),
    [
        ("ftp://push.example/x", {}, "endpoint"),
        ("not an address", {}, "endpoint"),
        ("https://user:secret@push.example/", {}, "endpoint"),
        (None, {"p256dh": "AAAA"}, "keys"),
        (None, {"auth": "AAAA"}, "keys"),
        (None, {"p256dh": "B" + "A" * 86}, "keys"),
    ],
)
async def test_an_invalid_subscription_is_refused(
    api: Api, factory: Factory, browsers: Browsers, endpoint: str | None, keys: dict[str, str], field: str
) -> None:
    person, browser = await factory.person(channel="market"), await browsers.new()
    body = {"endpoint": endpoint or browser["endpoint"], "keys": {**browser["keys"], **keys}}
    answer = await api.post(SUBSCRIPTIONS, body, as_=person)
    assert (answer.status, (await answer.json())["code"]) == (422, "push_subscription_refused")
    assert field in (await answer.json())["errors"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://10.0.0.1/x",
        "https://192.168.1.1/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/x",
        "https://0.0.0.0/x",
        "https://localhost/x",
        "https://db.internal/x",
        "https://push.example:5432/x",
    ],
)
async def test_production_sends_to_public_https_addresses_only(endpoint: str) -> None:
    assert not is_allowed(endpoint, private=False)
    sender = WebPush(VapidKey(VapidKey.generate()), contact="mailto:a@b.example", timeout=1, private=False)
    with pytest.raises(GiveUp):
        await sender.send(Subscriber(endpoint, "", ""), b"", datetime.now(UTC), ttl=1)
    await sender.close()


async def test_a_name_that_resolves_to_a_private_address_is_not_connected_to() -> None:
    resolver = PublicResolver()
    with pytest.raises(OSError, match="no public address"):
        await resolver.resolve("localhost", 443)
    with pytest.raises(OSError, match="is no name"):
        await resolver.resolve(f"{'a' * 64}.example", 443)
    await resolver.close()
    assert is_allowed("https://fcm.googleapis.com/fcm/send/x", private=False)
    assert is_allowed("https://8.8.8.8/x", private=False)


async def test_names_that_clients_choose_are_looked_up_in_threads_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name whose servers never answer keeps a thread busy; those of the event loop are for everything else."""
    threads: list[str] = []

    def lookup(_host: str, port: int, **_: Any) -> list[Any]:
        threads.append(threading.current_thread().name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    resolver = PublicResolver()
    found = await asyncio.gather(*(resolver.resolve(f"{number}.example", 443) for number in range(20)))
    await resolver.close()
    assert {one["host"] for some in found for one in some} == {"8.8.8.8"}
    assert len(threads) == 20
    assert 1 <= len(set(threads)) <= 4
    assert all(name.startswith("push names") for name in threads)


def test_a_key_signs_for_its_endpoint_and_wrong_keys_are_refused() -> None:
    secret = VapidKey.generate()
    header = VapidKey(secret).authorization("https://push.example/send/1", "mailto:a@b.example", datetime.now(UTC))
    assert header.startswith("vapid t=")
    assert header.endswith(f"k={VapidKey(secret).public}")
    for wrong in ("", "AAAA", "A" * 43, "!" * 43):
        with pytest.raises(ValueError, match=r"base64|length|private_value"):
            VapidKey(wrong)
