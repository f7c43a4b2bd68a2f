"""Monthly statements: what is in them, in every form, and that none can be changed unnoticed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from mystar.earnings.keys import STATEMENTS
from mystar.earnings.statements.documents import PdfDocument
from mystar.earnings.statements.model import Holder, Line, Statement, month_of
from mystar.kit.clock import MOSCOW
from mystar.kit.keys import DATABASE
from tests.earnings.pdf_text import texts_of
from tests.earnings.scenario import TWENTY_PER_CENT, EarningsScenario
from tests.earnings.test_payouts import at_once

LIST = "/api/v1/earnings/statements/"


async def close(scenario: EarningsScenario) -> int:
    """Move the clock behind the end of Moscow's month, and close it."""
    month = month_of(scenario.clock.now())
    while month_of(scenario.clock.now()) == month:
        await scenario.later(days=1)
    return await scenario.app[STATEMENTS].close_months()


async def text_of(scenario: EarningsScenario, statement: dict[str, Any], form: str) -> bytes:
    answer = await scenario.api.get(f"{LIST}{statement['id']}/?format={form}", as_=scenario.creator)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    return await answer.read()


def sum_of(lines: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(line["amount"]) for line in lines), Decimal())


@at_once
async def test_a_statement_covers_a_month_from_opening_to_closing_balance(scenario: EarningsScenario) -> None:
    await scenario.rules(TWENTY_PER_CENT)
    await scenario.earned(24_000)
    assert await close(scenario) == 1
    first, second = await scenario.completed(80_000), await scenario.completed(50_000)
    await scenario.later(days=14)
    await scenario.refund(first, 25_000)
    await scenario.details()
    asked = await scenario.payout("1000")
    for verb, said in (("approve", {}), ("paid", {"document": "17"}), ("returned", {})):
        await scenario.decide(asked["id"], verb, **said)
    await scenario.earned(5_000, "=1+1")
    assert await close(scenario) == 1
    december, november = (await scenario.read(LIST))["results"]
    assert (november["opening"], november["closing"]) == ("0.00", "240.00")
    assert (december["opening"], december["closing"], december["line_count"]) == ("240.00", "1130.00", 6)
    assert december["previous_sha256"] == november["sha256"]
    whole = await scenario.read(f"{LIST}{december['id']}/")
    kinds = ["clearance", "clearance", "refund", "payout", "payout_returned", "adjustment"]
    assert [line["kind"] for line in whole["lines"]] == kinds
    orders = [(line["order_id"], line["gross"], line["commission"], line["amount"]) for line in whole["lines"][:2]]
    assert orders == [(first, "800.00", "160.00", "640.00"), (second, "500.00", "100.00", "400.00")]
    rows = (await text_of(scenario, december, "csv")).decode("utf-8-sig")
    assert (await text_of(scenario, december, "csv")).startswith(b"\xef\xbb\xbf")
    table = list(csv.DictReader(io.StringIO(rows), delimiter=";"))
    assert sum_of(table) == sum_of(whole["lines"]) == Decimal("890.00")
    assert table[-1]["note"] == "'=1+1"
    assert (await scenario.read("/api/v1/earnings/"))["available"] == december["closing"]
    assert await scenario.is_sound()


async def test_a_statement_is_a_document_in_both_languages(scenario: EarningsScenario) -> None:
    await scenario.earned(24_000)
    await close(scenario)
    (statement,) = (await scenario.read(LIST))["results"]
    for language in ("ru", "en"):
        answer = await scenario.api.get(f"{LIST}{statement['id']}/?format=pdf", as_=scenario.creator, language=language)
        assert answer.content_type == "application/pdf"
        assert statement["number"] in answer.headers["Content-Disposition"]
        body = await answer.read()
        assert body.startswith(b"%PDF-")
        # What a reader does first: the place of the list of objects, and each object at its place.
        places = body[int(body.split(b"startxref")[1].split()[0]) :].split(b"trailer")[0].splitlines()
        assert places[0] == b"xref"
        for number, place in enumerate(places[3:], 1):
            assert body[int(place[:10]) :].startswith(b"%d 0 obj" % number)
        texts = texts_of(body)
        assert any(statement["number"] in text for text in texts)
        assert any(scenario.creator.username in text and str(scenario.creator.id) in text for text in texts)
    answer = await scenario.api.get(f"{LIST}{statement['id']}/?format=doc", as_=scenario.creator)
    assert answer.status == 422


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("ru", {"Остаток на конец: 1 234 500,00 ₽", "−1 500,50", "Дата (Москва)", "02.05.2030 15:00"}),
        ("en", {"Closing balance: 1,234,500.00 RUB", "−1,500.50", "Date (Moscow)", "02.05.2030 15:00"}),
    ],
)
def test_a_document_says_sums_in_its_language_and_the_zone_of_its_times(language: str, expected: set[str]) -> None:
    moment = datetime(2030, 5, 2, 12, tzinfo=UTC)
    month = Statement(1, 1, moment.date(), "1-203005", 0, 123_450_000, 0, 1, 1, "ab", "", moment)
    document = PdfDocument(month, Holder(1, "lira", ""), language)
    line = Line(1, moment, "refund", 7, None, None, None, None, -150_050, "")
    body = document.begin() + document.lines([line]) + document.finish()
    assert body.startswith(b"%PDF-")
    assert expected <= set(texts_of(body))


@pytest.mark.parametrize(
    ("holder", "russian", "english"),
    [
        (
            Holder(7, "lira", "Лира Метелица"),
            "Креатор: Лира Метелица (lira), аккаунт № 7",
            "Creator: Лира Метелица (lira), account No. 7",
        ),
        (Holder(7, "Лира", ""), "Креатор: Лира, аккаунт № 7", "Creator: Лира, account No. 7"),
        (Holder(7, "Лира", "Лира"), "Креатор: Лира, аккаунт № 7", "Creator: Лира, account No. 7"),
        (
            Holder(7, "x" * 150, "two\nlines"),
            f"Креатор: two lines ({'x' * 49}…), аккаунт № 7",
            f"Creator: two lines ({'x' * 49}…), account No. 7",
        ),
    ],
)
def test_a_document_names_the_creator_that_it_is_for(holder: Holder, russian: str, english: str) -> None:
    moment = datetime(2030, 5, 2, 12, tzinfo=UTC)
    month = Statement(1, 7, moment.date(), "7-203005", 0, 0, 0, 0, 0, "ab", "", moment)
    for language, words in (("ru", russian), ("en", english)):
        document = PdfDocument(month, holder, language)
        assert words in texts_of(document.begin() + document.finish())


async def test_only_its_creator_reads_a_statement(scenario: EarningsScenario) -> None:
    await scenario.earned(24_000)
    await close(scenario)
    (statement,) = (await scenario.read(LIST))["results"]
    for reader, status in ((scenario.buyer, 404), (scenario.staff, 404), (None, 401)):
        for form in ("json", "csv", "pdf"):
            answer = await scenario.api.get(f"{LIST}{statement['id']}/?format={form}", as_=reader)
            assert answer.status == status
    assert (await scenario.read(LIST, scenario.buyer))["count"] == 0


async def test_months_without_lines_have_statements_and_no_line_is_in_two(scenario: EarningsScenario) -> None:
    await scenario.earned(24_000)
    assert await scenario.app[STATEMENTS].close_months() == 0
    await scenario.later(days=70)
    assert await scenario.app[STATEMENTS].close_months() >= 2
    assert await scenario.app[STATEMENTS].close_months() == 0
    found = (await scenario.read(LIST))["results"]
    assert {one["closing"] for one in found} == {"240.00"}
    assert [one["line_count"] for one in found][:-1] == [0] * (len(found) - 1)
    months = [one["month"] for one in found]
    assert months == sorted(set(months), reverse=True)
    assert await scenario.is_sound()


async def test_a_month_ends_at_midnight_in_moscow(scenario: EarningsScenario) -> None:
    """At 21:05 UTC, still the last day there, the next month has begun."""
    today = scenario.clock.now().astimezone(MOSCOW)
    midnight = datetime(today.year + today.month // 12, today.month % 12 + 1, 1, tzinfo=MOSCOW)
    for minutes, amount in ((-5, 24_000), (5, 1_000)):
        scenario.clock.ahead += midnight + timedelta(minutes=minutes) - scenario.clock.now()
        await scenario.earned(amount)
    assert await scenario.app[STATEMENTS].close_months() == 1
    (statement,) = (await scenario.read(LIST))["results"]
    assert (statement["month"], statement["closing"]) == (f"{today:%Y-%m}", "240.00")
    assert await close(scenario) == 1
    assert (await scenario.read(LIST))["results"][0]["closing"] == "250.00"


async def test_late_entries_go_into_the_next_statement(scenario: EarningsScenario) -> None:
    await scenario.earned(24_000)
    await close(scenario)
    ahead, scenario.clock.ahead = scenario.clock.ahead, timedelta()
    await scenario.earned(1_000)
    scenario.clock.ahead = ahead
    await close(scenario)
    second, first = (await scenario.read(LIST))["results"]
    assert (first["closing"], second["closing"], second["line_count"]) == ("240.00", "250.00", 1)
    line = (await scenario.read(f"{LIST}{second['id']}/"))["lines"][0]
    assert datetime.fromisoformat(line["at"]) < datetime.fromisoformat(first["created_at"])
    assert await scenario.is_sound()


async def test_a_changed_statement_is_detected(scenario: EarningsScenario) -> None:
    await scenario.earned(24_000)
    await close(scenario)
    await scenario.earned(1_000)
    await close(scenario)
    database = scenario.app[DATABASE]
    await database.execute(
        "update statements set closing = closing + 1 where month = (select min(month) from statements)"
    )
    assert {one.what for one in await scenario.app[STATEMENTS].recount()} == {"closing", "opening"}
    await database.execute(
        "update statements set closing = closing - 1 where month = (select min(month) from statements)"
    )
    await database.execute("alter table earning_entries disable trigger all")
    await database.execute("update earning_entries set note = 'something else'")
    assert {one.what for one in await scenario.app[STATEMENTS].recount()} == {"sha256"}


async def test_a_statement_of_ten_thousand_lines_is_streamed_in_every_form(scenario: EarningsScenario) -> None:
    await scenario.earned(24_000)
    await scenario.app[DATABASE].execute(
        "insert into earning_entries (move_id, kind, account, amount, creator_id, note, created_at)"
        " select move, 'adjustment', side.account, side.amount, %(id)s, 'x', now()"
        " from (select gen_random_uuid() as move from generate_series(1, 10000)) moves,"
        " (values ('available', 1), ('adjustments', -1)) as side (account, amount)",
        id=scenario.creator.id,
    )
    await close(scenario)
    (statement,) = (await scenario.read(LIST))["results"]
    assert (statement["line_count"], statement["closing"]) == (10_001, "340.00")
    for form, sign, count in (
        ("json", b"adjustment", 10_001),
        ("csv", b"adjustment", 10_001),
        ("pdf", b"/Contents", 271),
    ):
        answer = await scenario.api.get(f"{LIST}{statement['id']}/?format={form}", as_=scenario.creator)
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert (await answer.read()).count(sign) == count
        head = await scenario.api.request("HEAD", f"{LIST}{statement['id']}/?format={form}", as_=scenario.creator)
        assert (head.status, await head.read()) == (200, b"")
