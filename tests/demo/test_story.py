"""The demo is told once, whoever tells it and however often, and all of it is true."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import Draft, Visitor
from mystar.app import broken_invariants, create_app
from mystar.demo import DemoRefused, cast
from mystar.demo.showcases import SHOWS
from mystar.demo.story import is_told, tell
from mystar.demo.studio import COMMISSIONS
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.orders.model import Money, Status
from mystar.payments.keys import PAYMENTS
from mystar.settings import Settings
from tests.conftest import Api
from tests.sandbox_process import SandboxProcess, sandbox_in
from tests.server_process import environment
from tests.waiting import eventually

MakeSettings = Callable[..., Settings]
ORDERS = len(cast.TALES) + len(COMMISSIONS)


@pytest.fixture
def sandbox_process(tmp_path: Path) -> Iterator[SandboxProcess]:
    """One whose journal holds nothing but the story's money."""
    with sandbox_in(tmp_path / "sandbox") as process:
        yield process


async def test_a_told_story_is_true_and_is_not_told_again(
    api: Api, app: web.Application, settings: Settings, sandbox_process: SandboxProcess
) -> None:
    await tell(app, settings)
    assert await is_told(app)
    assert await broken_invariants(app) == []
    assert await app[PAYMENTS].reconcile() == []
    assert await app[DATABASE].value("select sum(amount) from ledger_entries") == 0
    await the_provider_agrees(app[DATABASE], sandbox_process)
    await every_state_is_there(app[DATABASE])
    await everybody_can_log_in(app)
    await everything_can_be_seen(api)

    before = await census(app[DATABASE])
    await tell(app, settings)
    assert await census(app[DATABASE]) == before
    assert (before["accounts"], before["creators"], before["orders"]) == (19, 12, ORDERS)
    assert (before["portfolio_items"], before["portfolio_images"], before["reviews"]) == (len(SHOWS), len(SHOWS), 1)
    assert (before["conversations"], before["messages"]) == (len(cast.TALKS), sum(len(one.words) for one in cast.TALKS))


async def test_a_killed_teller_s_story_is_told_to_its_end(
    api: Api, app: web.Application, settings: Settings, tmp_path: Path, sandbox_process: SandboxProcess
) -> None:
    teller = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mystar", "seed", "--demo"),
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(
            tmp_path,
            DATABASE__URL=settings.database.url,
            PAYMENTS__YOOKASSA__URL=sandbox_process.yookassa,
            MAIL__PORT=sandbox_process.smtp_port,
        ),
    )
    await eventually(lambda: app[DATABASE].value("select count(*) > 5 from orders"), timeout=60)
    teller.kill()
    await teller.wait()

    await tell(app, settings)
    assert await is_told(app)
    counted = await census(app[DATABASE])
    assert (counted["accounts"], counted["creators"], counted["orders"]) == (19, 12, ORDERS)
    assert await app[PAYMENTS].reconcile() == []
    await every_state_is_there(app[DATABASE])


async def test_two_who_tell_at_once_tell_one_story(api: Api, app: web.Application, settings: Settings) -> None:
    other = web.AppRunner(await create_app(settings, settings.database.url))
    await other.setup()
    try:
        await asyncio.gather(tell(app, settings), tell(other.app, settings))
    finally:
        await other.cleanup()
    assert (await census(app[DATABASE]))["orders"] == ORDERS
    await every_state_is_there(app[DATABASE])


async def test_without_a_sandbox_nothing_is_paid_for(
    make_settings: MakeSettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings = make_settings(PAYMENTS__YOOKASSA__URL="http://127.0.0.1:9/yookassa/v3")
    runner = web.AppRunner(await create_app(settings, settings.database.url))
    await runner.setup()
    try:
        with caplog.at_level(logging.WARNING):
            await tell(runner.app, settings)
        assert await is_told(runner.app)
        counted = await census(runner.app[DATABASE])
        assert (counted["orders"], counted["payments"]) == (ORDERS, 0)
    finally:
        await runner.cleanup()
    assert "the demo's orders stay unpaid" in caplog.text


async def test_where_people_are_already_nothing_is_told(api: Api, app: web.Application, settings: Settings) -> None:
    await app[ACCOUNTS].create(Draft("somebody"), "Greeting-for-Mum-77")
    await tell(app, settings)
    assert (await census(app[DATABASE]))["accounts"] == 1
    assert not await is_told(app)


async def test_production_has_no_demo(api: Api, app: web.Application, settings: Settings) -> None:
    with pytest.raises(DemoRefused):
        await tell(app, settings.model_copy(update={"profile": "production"}))
    assert (await census(app[DATABASE]))["accounts"] == 0


async def census(db: Database) -> dict[str, int]:
    """Rows by table, of everything that a story writes and the background does not."""
    tables = ["accounts", "creators", "services", "tags", "creator_likes", "creator_votes", "creator_favourites"]
    tables += ["orders", "order_events where action <> 'process'", "deliveries", "payments", "ledger_entries"]
    tables += ["conversations", "messages"]
    tables += ["skills", "creator_skills", "portfolio_items", "portfolio_images", "reviews"]
    return {table: await db.value(f"select count(*) from {table}") for table in tables}


async def every_state_is_there(db: Database) -> None:
    statuses = {row["status"] for row in await db.all("select status from orders")}
    # One of the studio's is on its way there.
    assert statuses - {Status.IN_PROCESS} == {*Status} - {Status.IN_PROCESS}
    assert {row["money"] for row in await db.all("select money from orders")} == {*Money}


async def the_provider_agrees(db: Database, sandbox: SandboxProcess) -> None:
    """Every deed in the provider's journal was done once, and for a payment of ours."""
    ours = {row["provider_id"]: row["status"] for row in await db.all("select provider_id, status from payments")}
    journal = await sandbox.journal()
    assert {line["payment_id"] for line in journal} == ours.keys()
    assert max(Counter((line["payment_id"], line["kind"]) for line in journal).values()) == 1
    kinds = Counter(line["kind"] for line in journal)
    captured = sum(status in ("captured", "refunded") for status in ours.values())
    assert (kinds["payment.created"], kinds["payment.captured"]) == (len(ours), captured)


async def everybody_can_log_in(app: web.Application) -> None:
    people = [cast.OWNER, *cast.STAFF, *cast.CUSTOMERS, *(star.person for star in cast.STARS)]
    for login, password in [*((person.email, person.password) for person in people), ("87077776655", "12345")]:
        signed_in = await app[ACCOUNTS].log_in(Visitor(), "market", login, password)
        assert signed_in.account.is_verified
    assert {login for _, login, _ in cast.LOGINS} <= {*(person.email for person in people), "87077776655"}


async def everything_can_be_seen(api: Api) -> None:
    categories = await (await api.get("/api/categories/")).json()
    assert [category["cat_name"] for category in categories] == [category.name for category in cast.CATEGORIES]
    stars: list[dict[str, Any]] = await (await api.get("/api/star/getlist/")).json()
    assert {star["username"] for star in stars} == {star.person.name for star in cast.STARS}
    assert {star["cat_name_id_id"] for star in stars} == {category["id"] for category in categories}
    assert sum(star["top"] for star in stars) == sum(star.is_top for star in cast.STARS)
    addresses = [f"/media/{category['category_photo']}" for category in categories]
    for star in stars:
        addresses += [f"/media/{star['avatar'].removeprefix('/media/')}", star["video"]]
    for address in addresses:
        answer = await api.get(address)
        kind = "video/" if "/videos/" in address else "image/"
        assert (answer.status, answer.content_type.startswith(kind)) == (200, True), address
