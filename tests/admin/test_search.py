"""One box finds everything, by whatever staff are told on the phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from mystar.admin.repository import QUERIES
from mystar.admin.search import phone_part, read
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from tests.admin.conftest import Panel
from tests.admin.test_lists import walked
from tests.factory import Factory

if TYPE_CHECKING:
    # Imported by pytest itself, which rewrites its assertions.
    from tests.sandbox_process import SandboxClient


def hrefs(page: str) -> set[str]:
    """What the results link to."""
    return set(re.findall(r'href="(/admin/(?:accounts|orders|services|payments|payouts)/\d+/)"', page))


async def test_one_box_finds_people_orders_services_and_payments(
    app: web.Application, factory: Factory, sandbox: SandboxClient, viewer: Panel
) -> None:
    star = await factory.star("comet", last_name="Ковалёва-Южная", first_name="Лёля")
    anna = await factory.person("anna", first_name="Анна", last_name="Первоцвет", phone="+79161234567")
    boris = await factory.person("boris", phone="+79261112233")
    order_id = await factory.order(anna, star)
    await factory.hold(order_id, sandbox)
    payment = await app[DATABASE].one("select id, provider_id from payments")
    account, order = f"/admin/accounts/{anna.id}/", f"/admin/orders/{order_id}/"
    await factory.order(boris, await factory.star("other"))

    # A surname, a part of a name, letters in another case, ё and е: the person and the orders.
    for typed in ("Первоцвет", "первоц", "АННА ПЕРВО", "воцвет анна"):
        assert {account, order} <= hrefs(await viewer.page(f"/admin/search/?q={typed}")), typed
        assert f"/admin/accounts/{boris.id}/" not in hrefs(await viewer.page(f"/admin/search/?q={typed}"))
    assert order in hrefs(await viewer.page("/admin/search/?q=ковалева"))
    assert order in hrefs(await viewer.page("/admin/orders/?q=первоцвет"))
    assert account in hrefs(await viewer.page("/admin/accounts/?q=воцвет"))
    # What is exact goes there.
    for typed, there in (
        (anna.email, account),
        ("8 (916) 123-45-67", account),
        ("%2B7 916 123 45 67", account),
        ("9161234567", account),
        ("1234567", account),
        (f"заказ {order_id}", order),
        (f"Order №{order_id}", order),
        ("выплата 404", None),
    ):
        answer = await viewer.get(f"/admin/search/?q={typed}")
        if there:
            assert (answer.status, answer.headers.get("Location")) == (303, there), typed
        else:
            assert (answer.status, "Ничего не найдено" in await answer.text()) == (200, True)
    found = hrefs(await viewer.page(f"/admin/search/?q={payment['provider_id']}"))
    assert {order, f"/admin/payments/{payment['id']}/"} <= found
    assert "/admin/services/1/" in hrefs(await viewer.page("/admin/search/?q=1"))
    for typed in ("", "%25%25%25", "%00", "x" * 5000, "';drop", "_", "ан", "%F0%9F%8C%9F", "9" * 18):
        assert (await viewer.get(f"/admin/search/?q={typed}")).status in (200, 303)


async def test_every_search_uses_indexes(unused_db: Database) -> None:
    values: dict[str, Any] = {**read("Первоцвет Анна").values(), "limit": 11, "people": [1, 2]}
    async with unused_db.transaction() as tx:
        await tx.execute("set local enable_seqscan = off")
        for query in ("people", "orders", "services", "payments", "payouts"):
            text = getattr(QUERIES, f"search_{query}")
            for given in (values, {**values, **read("17").values()}, {**values, **read("ан").values()}):
                row = await tx.one(f"explain (format json) {text}", given)
                nodes = list(walked(row["QUERY PLAN"][0]["Plan"]))
                assert "Seq Scan" not in {node["Node Type"] for node in nodes}, (query, given)
                if query in ("people", "services") and given["part"]:
                    assert any("words_idx" in node.get("Index Name", "") for node in nodes), query


def test_phones_are_read_in_any_spelling() -> None:
    for typed in ("+7 916 123-45-67", "8(916)1234567", "79161234567", "89161234567", "916 123 45 67"):
        assert phone_part(typed) == "9161234567", typed
    assert phone_part("123-45-67") == "1234567"
    for typed in ("1234", "заказ 12", "1" * 16, "12a45"):
        assert phone_part(typed) is None, typed
