"""Loading the demo data is repeatable and leaves consistent data."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import AccountDraft, ClientInfo
from mystar.app import broken_invariants, create_app
from mystar.demo import DemoRefused, fixtures
from mystar.demo.loader import is_loaded, load
from mystar.demo.profiles import PROFILES
from mystar.demo.studio import DEMO_STUDIO_ORDERS
from mystar.earnings.payouts.repository import PayoutRepository
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from mystar.orders.model import Money, Status
from mystar.payments.keys import PAYMENTS
from mystar.settings import Settings
from tests import programs
from tests.conftest import Api
from tests.programs import ROOT
from tests.sandbox_process import SandboxProcess, sandbox_in
from tests.server_process import environment
from tests.waiting import eventually

MakeSettings = Callable[..., Settings]
ORDERS = len(fixtures.SCENARIOS) + len(DEMO_STUDIO_ORDERS)


@pytest.fixture
def sandbox_process(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A sandbox whose journal holds the payments of the demo alone."""
    with sandbox_in(tmp_path / "sandbox") as process:
        yield process


async def test_killed_concurrent_and_repeated_loads_leave_the_data_once(
    api: Api, app: web.Application, settings: Settings, tmp_path: Path, sandbox_process: SandboxProcess
) -> None:
    """One test, since a load takes seconds: a process is killed, two go on at once, and one finds all of it there."""
    await killed_while_loading(app, settings, tmp_path, sandbox_process)
    other = web.AppRunner(await create_app(settings, settings.database.url))
    await other.setup()
    try:
        await asyncio.gather(load(app, settings), load(other.app, settings))
    finally:
        await other.cleanup()

    assert await is_loaded(app)
    assert await broken_invariants(app) == []
    assert await app[PAYMENTS].reconcile() == []
    assert await app[DATABASE].value("select sum(amount) from ledger_entries") == 0
    await assert_provider_agrees(app[DATABASE], sandbox_process)
    await assert_every_state_exists(app[DATABASE])
    await assert_earnings_can_be_followed(app[DATABASE])
    await assert_all_accounts_log_in(app)
    await assert_files_are_served(api)

    before = await row_counts(app[DATABASE])
    await load(app, settings)
    assert await row_counts(app[DATABASE]) == before
    assert (before["accounts"], before["creators"], before["orders"]) == (19, 12, ORDERS)
    assert (before["portfolio_items"], before["portfolio_images"], before["reviews"]) == (
        len(PROFILES),
        len(PROFILES),
        1,
    )
    assert (before["conversations"], before["messages"]) == (
        # With those of the offer and the report.
        len(fixtures.CONVERSATIONS) + 2,
        sum(len(one.words) for one in fixtures.CONVERSATIONS) + 3,
    )


async def killed_while_loading(
    app: web.Application, settings: Settings, directory: Path, sandbox: SandboxProcess
) -> None:
    variables = {"PAYMENTS__YOOKASSA__URL": sandbox.yookassa, "MAIL__PORT": sandbox.smtp_port}
    values = environment(directory, DATABASE__URL=settings.database.url, **variables)
    with programs.start("mystar", "seed", "--demo", directory=directory, environment=values) as process:
        await eventually(lambda: app[DATABASE].value("select count(*) > 5 from orders"), timeout=240)
        process.kill()


async def test_without_a_sandbox_no_order_is_paid(
    make_settings: MakeSettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings = make_settings(PAYMENTS__YOOKASSA__URL="http://127.0.0.1:9/yookassa/v3")
    runner = web.AppRunner(await create_app(settings, settings.database.url))
    await runner.setup()
    try:
        with caplog.at_level(logging.WARNING):
            await load(runner.app, settings)
        assert await is_loaded(runner.app)
        counted = await row_counts(runner.app[DATABASE])
        assert (counted["orders"], counted["payments"]) == (ORDERS, 0)
        await assert_the_readme_logs_in_the_star_who_is_ordered_from(runner.app[DATABASE])
    finally:
        await runner.cleanup()
    assert "the orders of the demo stay unpaid" in caplog.text


async def assert_the_readme_logs_in_the_star_who_is_ordered_from(db: Database) -> None:
    readme = (ROOT / "README.md").read_text()
    service_id, star = re.findall(r'"service_id": (\d+)', readme)[0], re.findall(r"\(login (\S+?)\)", readme)[-1]
    seller = await db.value(
        "select accounts.email from services join creators on creators.id = services.creator_id"
        " join accounts on accounts.id = creators.account_id where services.id = %(id)s",
        id=int(service_id),
    )
    assert seller == star


async def test_a_database_with_other_accounts_is_left_alone(api: Api, app: web.Application, settings: Settings) -> None:
    await app[ACCOUNTS].create(AccountDraft("existing"), "Greeting-for-Mum-77")
    await load(app, settings)
    assert (await row_counts(app[DATABASE]))["accounts"] == 1
    assert not await is_loaded(app)


async def test_production_refuses_demo_data(api: Api, app: web.Application, settings: Settings) -> None:
    with pytest.raises(DemoRefused):
        await load(app, settings.model_copy(update={"profile": "production"}))
    assert (await row_counts(app[DATABASE]))["accounts"] == 0


async def row_counts(db: Database) -> dict[str, int]:
    """Row counts of the tables which loading writes and background tasks do not."""
    tables = ["accounts", "creators", "services", "tags", "creator_likes", "creator_votes", "creator_favourites"]
    tables += ["orders", "order_events where action <> 'process'", "deliveries", "payments", "ledger_entries"]
    tables += ["conversations", "messages"]
    tables += ["skills", "creator_skills", "portfolio_items", "portfolio_images", "reviews"]
    return {table: await db.value(f"select count(*) from {table}") for table in tables}


async def assert_every_state_exists(db: Database) -> None:
    statuses = {row["status"] for row in await db.all("select status from orders")}
    # The outbox moves a studio order there later.
    assert statuses - {Status.IN_PROCESS} == {*Status} - {Status.IN_PROCESS}
    assert {row["money"] for row in await db.all("select money from orders")} == {*Money}


async def assert_earnings_can_be_followed(db: Database) -> None:
    """A debt, an unknown payout, a cool-down, a statement, a payment by SBP, and an order's money on a card."""
    shown = (
        "select exists (select from creator_balances where available < 0)",
        "select exists (select from payout_parts where status = 'unknown')",
        "select exists (select from payout_details where usable_at > now())",
        "select count(*) = 1 from statements where closing = 4500000",
        "select count(*) = 1 from payments where method = 'sbp' and status = 'captured'",
        "select count(*) = 1 from earning_entries cleared join payouts using (creator_id)"
        " join payout_details on payout_details.id = payouts.details_id"
        " where cleared.kind = 'clearance' and cleared.account = 'available' and cleared.amount = payouts.amount"
        " and payouts.status = 'paid' and payout_details.kind = 'card'",
    )
    assert [await db.value(query) for query in shown] == [True] * len(shown)
    # Nor does it differ from itself when the unknown payout is old.
    assert await PayoutRepository(db).differences(datetime.now(UTC) + timedelta(days=1)) == []


async def assert_provider_agrees(db: Database, sandbox: SandboxProcess) -> None:
    """The provider's journal has every action once, each for a known payment."""
    payments = {row["provider_id"]: row["status"] for row in await db.all("select provider_id, status from payments")}
    journal = await sandbox.journal()
    assert {line["payment_id"] for line in journal} == payments.keys()
    assert max(Counter((line["payment_id"], line["kind"]) for line in journal).values()) == 1
    kinds = Counter(line["kind"] for line in journal)
    captured = sum(status in ("captured", "refunded") for status in payments.values())
    assert (kinds["payment.created"], kinds["payment.captured"]) == (len(payments), captured)


async def assert_all_accounts_log_in(app: web.Application) -> None:
    people = [fixtures.OWNER, *fixtures.STAFF, *fixtures.CUSTOMERS, *(star.person for star in fixtures.STARS)]
    for login, password in [*((person.email, person.password) for person in people), ("87077776655", "12345")]:
        signed_in = await app[ACCOUNTS].log_in(ClientInfo(), "market", login, password)
        assert signed_in.account.is_verified
    assert {login for _, login, _ in fixtures.LOGINS} <= {*(person.email for person in people), "87077776655"}


async def assert_files_are_served(api: Api) -> None:
    categories = await (await api.get("/api/categories/")).json()
    assert [category["cat_name"] for category in categories] == [category.name for category in fixtures.CATEGORIES]
    stars: list[dict[str, Any]] = await (await api.get("/api/star/getlist/")).json()
    assert {star["username"] for star in stars} == {star.person.name for star in fixtures.STARS}
    assert {star["cat_name_id_id"] for star in stars} == {category["id"] for category in categories}
    assert sum(star["top"] for star in stars) == sum(star.is_top for star in fixtures.STARS)
    addresses = [f"/media/{category['category_photo']}" for category in categories]
    for star in stars:
        addresses += [f"/media/{star['avatar'].removeprefix('/media/')}", star["video"]]
    for address in addresses:
        answer = await api.get(address)
        kind = "video/" if "/videos/" in address else "image/"
        assert (answer.status, answer.content_type.startswith(kind)) == (200, True), address
