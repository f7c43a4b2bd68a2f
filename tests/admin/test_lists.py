"""Every list of the panel: searching, filtering, sorting, and using an index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from aiohttp import web

from mystar.admin.lists import LISTS
from mystar.admin.lists.columns import ChoiceFilter, ListDefinition, ParentFilter
from mystar.admin.repository import MAX_ROWS, PAGE_SIZE, ListRepository, ListRequest, Statement, count_query, page_query
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database, Queryable
from tests.admin.conftest import Panel
from tests.factory import Factory

#: A dozen rows, which are read without an index.
SMALL = {"categories"}
TYPED = ("17", "anna", "anna@example.com", "+79161234567", "order:5", "123456", "2b8e7d1c-000f", "пет_ров%")


def asked_for(definition: ListDefinition) -> Iterator[tuple[str, ListRequest, bool]]:
    """Everything that can be asked of it one thing at a time, and whether rows come sorted from the index."""
    for sort in definition.sortings:
        for direction in ("", "-"):
            yield f"sorted by {direction}{sort}", ListRequest(sort=direction + sort), True
    for one in definition.filters:
        words = [word for word, _, _ in one.options] if isinstance(one, ChoiceFilter) else ["7"]
        for word in words:
            yield f"{one.name}={word}", ListRequest(chosen={one.name: word}), not isinstance(one, ParentFilter)
    for text in TYPED:
        yield f"with {text}", ListRequest(text=text), False
    if definition.created != "id":
        yield "of a day", ListRequest(since=date(2026, 1, 1), until=date(2026, 1, 1)), definition.name != "audit"


async def test_every_list_uses_an_index(db: Database) -> None:
    async with db.transaction() as tx:
        # The tables are empty: what the planner would rather do is forbidden, so that what is left is what it can do.
        await tx.execute("set local enable_seqscan = off")
        await tx.execute("set local enable_sort = off")
        for definition in LISTS.values():
            for what, asked, sorted_ in asked_for(definition):
                for statement in (page_query(definition, asked), count_query(definition, asked)):
                    nodes = list(walked(await plan(tx, statement)))
                    read = [node for node in nodes if node["Node Type"] == "Seq Scan"]
                    assert not read or definition.name in SMALL, (definition.name, what, read)
                    if sorted_ and definition.name not in SMALL:
                        assert "Sort" not in {node["Node Type"] for node in nodes}, (definition.name, what)


async def plan(tx: Queryable, statement: Statement) -> dict[str, Any]:
    query, values = statement
    row = await tx.one(f"explain (format json) {query}", values)
    found: dict[str, Any] = row["QUERY PLAN"][0]["Plan"]
    return found


def walked(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from walked(child)


class Counted(Queryable):
    """Counts what is asked of the database."""

    def __init__(self, db: Database) -> None:
        self._db, self.count = db, 0

    async def _run(self, query: str, values: Any, read: Any) -> Any:
        self.count += 1
        return await self._db._run(query, values, read)


async def test_a_page_of_a_list_takes_three_statements(app: web.Application, factory: Factory, viewer: Panel) -> None:
    star = await factory.star()
    for _ in range(PAGE_SIZE + 2):
        await factory.order(viewer.person, star)
    counted = Counted(app[DATABASE])
    found = await ListRepository(counted).page(LISTS["orders"], ListRequest())
    assert (counted.count, len(found.rows), found.count, found.more) == (3, PAGE_SIZE, PAGE_SIZE + 2, False)

    first, second = await viewer.page("/admin/orders/"), await viewer.page("/admin/orders/?page=2")
    assert (ids(first), ids(second)) == (list(range(PAGE_SIZE + 2, 2, -1)), [2, 1])
    assert 'rel="next" href="/admin/orders/?page=2"' in first
    assert 'rel="prev" href="/admin/orders/?page=1"' in second
    # Sorted the other way, and a page that is not there.
    assert ids(await viewer.page("/admin/orders/?sort=created"))[:3] == [1, 2, 3]
    assert "Ничего не найдено" not in await viewer.page("/admin/orders/?page=9")


def ids(page: str) -> list[int]:
    """Of the orders in a list."""
    return [int(number) for number in re.findall(r'c-reference" data-title="№"><a href="/admin/orders/(\d+)/"', page)]


async def test_every_list_opens_with_every_filter(app: web.Application, factory: Factory, viewer: Panel) -> None:
    await factory.order(viewer.person, await factory.star())
    for name, definition in LISTS.items():
        assert f"<h1>{definition.title.ru}</h1>" in await viewer.page(f"/admin/{name}/")
        for one in definition.filters:
            if isinstance(one, ChoiceFilter):
                for word, _, _ in one.options:
                    await viewer.page(f"/admin/{name}/?{one.name}={word}")
            else:
                assert "chip" in await viewer.page(f"/admin/{name}/?{one.name}=1")


async def test_invalid_filters_are_ignored(viewer: Panel) -> None:
    for query in (
        *("page=0", "page=-1", "page=99999999999999999999", "page=x", "sort=password_hash", "sort=-", "status=x"),
        *("since=yesterday", "until=9999-12-31", "since=0001-01-01", "buyer=x", "buyer=9999999999999999999"),
        *("q=%00", "q=%25%25%25", "q=" + "x" * 5000, "q=%F0%9F%8C%9F", "q=%ED%A0%80", "q=';drop table orders"),
    ):
        await viewer.page(f"/admin/orders/?{query}")


async def test_accounts_are_found_by_number_name_email_and_phone(factory: Factory, viewer: Panel) -> None:
    anna = await factory.person("Anna_50%", phone="+79161234567")
    await factory.person("Annals")
    for typed in (str(anna.id), f"№{anna.id}", "anna_5", "ANNA_50%25", anna.email, "8 (916) 123-45-67", "%2B79161"):
        page = await viewer.page(f"/admin/accounts/?q={typed}")
        assert "Anna_50%" in page, typed
        assert "Annals" not in page, typed
    both = await viewer.page("/admin/accounts/?q=ann")
    assert "Annals" in both
    assert "Ничего не найдено." in await viewer.page("/admin/accounts/?q=no-such-account")


async def test_orders_are_found_by_number_and_by_buyer(factory: Factory, viewer: Panel) -> None:
    star, anna, boris = await factory.star(), await factory.person("anna"), await factory.person("boris")
    hers, his = await factory.order(anna, star), await factory.order(boris, star)
    assert ids(await viewer.page(f"/admin/orders/?q={hers}")) == [hers]
    assert ids(await viewer.page("/admin/orders/?q=bor")) == [his]
    assert ids(await viewer.page(f"/admin/orders/?q={anna.email}")) == [hers]
    assert ids(await viewer.page(f"/admin/orders/?q={star.username}")) == [his, hers]
    for typed in (f"{boris.id}", f"№{boris.id}", f"%23{boris.id}", f" 0{boris.id}"):
        page = await viewer.page(f"/admin/orders/?buyer={typed}")
        assert ids(page) == [his]
        assert f"Покупатель №\u00a0{boris.id} " in page
    assert ids(await viewer.page("/admin/orders/?status=completed")) == []
    assert ids(await viewer.page("/admin/orders/?kind=greeting&money=none&status=pending")) == [his, hers]
    assert ids(await viewer.page("/admin/orders/?since=2001-01-01&until=2001-12-31")) == []


async def test_names_are_escaped(factory: Factory, viewer: Panel) -> None:
    nasty = await factory.person("<script>alert(1)</script>", first_name='"><img src=x>')
    for path in ("/admin/accounts/", f"/admin/accounts/{nasty.id}/", "/admin/accounts/?q=<script>alert"):
        page = await viewer.page(path)
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_counts_are_bounded() -> None:
    query, _ = count_query(LISTS["orders"], ListRequest())
    assert f"LIMIT {MAX_ROWS + 1}" in query
