"""Moments, days, sums, sizes and fractions are written as the language of the page writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from importlib import resources

import pytest
from aiohttp import web

from mystar.admin import formats
from mystar.admin.audit_words import before_value, words_of
from mystar.creators.keys import CREATORS
from mystar.errors import Text
from mystar.kit.keys import DATABASE
from tests.admin.conftest import Panel
from tests.factory import Factory, actor

_EVENING = datetime(2026, 1, 31, 22, 5, tzinfo=UTC)
_ZONE = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("written", "russian", "english"),
    [
        (lambda: formats.moment(_EVENING), "01.02.2026 01:05", "2026-02-01 01:05"),
        (lambda: formats.kept_moment(_EVENING.isoformat()), "01.02.2026 01:05", "2026-02-01 01:05"),
        (lambda: formats.kept("2026-02-01").ru, "01.02.2026", "01.02.2026"),
        (lambda: formats.kept(_EVENING.isoformat()).en, "2026-02-01 01:05", "2026-02-01 01:05"),
        (lambda: formats.kept("soon").en, "soon", "soon"),
        (lambda: formats.day(date(2026, 2, 1)), "01.02.2026", "2026-02-01"),
        (lambda: formats.short_day(date(2026, 2, 1)), "01.02", "02-01"),
        (lambda: formats.month(date(2026, 2, 1)), "02.2026", "2026-02"),
        (lambda: formats.money(1_589_027_992), "15 890 279,92 ₽", "15,890,279.92 RUB"),
        (lambda: formats.number(12), "№ 12", "No. 12"),
        (lambda: formats.fraction("4.50"), "4,50", "4.50"),
        (lambda: formats.size(999), "999 Б", "999 B"),
        (lambda: formats.size(1_500), "1,5 КБ", "1.5 KB"),
        (lambda: formats.size(2_000_000_000_000), "2000,0 ГБ", "2000.0 GB"),
        (lambda: formats.short(12_250_000), "122,5 тыс.", "122.5k"),
        (lambda: formats.short(125_000_000), "1,25 млн", "1.25M"),
        (lambda: formats.short(50), "0,5", "0.5"),
    ],
)
def test_each_language_has_its_form(written: Callable[[], str], russian: str, english: str) -> None:
    for language, expected in (("ru", russian), ("en", english)):
        with formats.written_for(language, _ZONE):
            assert written().replace("\u00a0", " ") == expected
    # Outside of a page nothing of the last one is left.
    assert formats.day(date(2026, 2, 1)) == "01.02.2026"


def test_details_of_the_audit_log_have_no_codes() -> None:
    details = {"by": "operator:anna", "due": "2026-02-01", "amount": "1500.50"}
    said = dict(words_of({"act": "erasure_requested", "subject": "account:5", "details": details}).details)
    assert list(said.values()) == [
        Text("anna, команда на сервере", "anna, a command on the server"),
        Text("01.02.2026", "2026-02-01"),
        Text("1\u00a0500,50\u00a0₽", "1,500.50 RUB"),
    ]
    assert [before_value(one) for one in ("причина", "заметка №", "note No.")] == ["причина:", "заметка №", "note No."]


async def test_pages_are_written_in_the_form_of_their_language(
    app: web.Application, factory: Factory, viewer: Panel
) -> None:
    star = await factory.star(price=1_500_050)
    await factory.star()
    await app[CREATORS].rate(actor(viewer.person), star.id, 4)
    rules = "insert into commission_rules (list, position, name, percent_bp, fixed, valid_from, created_at)"
    await app[DATABASE].execute(f"{rules} values (1, 1, 'Все', 1250, 0, now(), now())")
    for language, words in {
        "ru": {"services/": "15 000,50 ₽", "creators/": "★ 4,00", "commission-rules/": "12,5 %"},
        "en": {"services/": "15,000.50 RUB", "creators/": "★ 4.00", "commission-rules/": "12.5 %"},
    }.items():
        headers = {"Accept": "text/html", "Accept-Language": language, "Cookie": f"mystar_admin={viewer.cookie}"}
        for path, expected in words.items():
            answer = await viewer.api.get(f"/admin/{path}", headers=headers)
            page = (await answer.text()).replace("\u00a0", " ")
            assert expected in page, (language, path)
        moments = re.findall(r"\d\d\.\d\d\.\d{4} \d\d:\d\d", page)
        assert bool(moments) == (language == "ru")
    # Who has no votes has no rating of 0.
    assert "★ 0" not in await viewer.page("/admin/creators/")


def test_templates_write_numbers_by_the_filter_that_knows_the_language() -> None:
    templates = list(resources.files("mystar.admin").joinpath("templates").iterdir())
    assert len(templates) > 40
    for template in templates:
        assert not re.search(r"№|No\.", template.read_text()), template.name
