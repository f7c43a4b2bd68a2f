"""Money: whole kopecks inside, rubles on the wire."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mystar.contracts.error_reference import error_kinds
from mystar.errors import Text
from mystar.kit.moments import told_day
from mystar.kit.money import MAX_KOPECKS, format_rubles, format_sum, kopecks, rubles, rubles_text, told_rubles
from mystar.kit.web.http import dumps


@pytest.mark.parametrize(
    ("written", "whole"), [("15000.00", 1_500_000), ("0.01", 1), (0, 0), (Decimal("1E3"), 100_000), ("7.5", 750)]
)
def test_rubles_become_whole_kopecks(written: Decimal | str | int, whole: int) -> None:
    assert kopecks(written) == whole


@pytest.mark.parametrize(
    "written", ["", "ten", "1,5", "0.001", "-1", "NaN", "Infinity", "1e400", str(MAX_KOPECKS), "1_0.0.0"]
)
def test_an_invalid_amount_is_refused(written: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its words are for developers
        kopecks(written)


@given(st.integers(0, MAX_KOPECKS))
def test_kopecks_convert_to_rubles_and_back(amount: int) -> None:
    assert kopecks(rubles(amount)) == amount
    assert kopecks(rubles_text(amount)) == amount
    assert json.loads(dumps({"sum": rubles(amount)})) == {"sum": rubles_text(amount)}


def test_details_of_errors_are_text_for_programs_and_words_for_people() -> None:
    details = {"price": told_rubles(123_450_050), "day": told_day(date(2030, 5, 2))}
    assert json.loads(dumps(details)) == {"price": "1234500.50", "day": "2030-05-02"}
    text = Text("{price} до {day}", "{price} until {day}")
    assert (
        text.in_("ru", **details) == "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}500,50\N{NO-BREAK SPACE}₽ до 2 мая 2030"
    )
    assert text.in_("en", **details) == "1,234,500.50 RUB until 2 May 2030"


@pytest.mark.parametrize(
    ("amount", "rubles_ru", "rubles_en", "sum_ru", "sum_en"),
    [
        (0, "0 ₽", "0 RUB", "0,00", "0.00"),
        (5, "0,05 ₽", "0.05 RUB", "0,05", "0.05"),
        (1_500_000, "15 000 ₽", "15,000 RUB", "15 000,00", "15,000.00"),
        (-123_450_050, "−1 234 500,50 ₽", "−1,234,500.50 RUB", "−1 234 500,50", "−1,234,500.50"),
    ],
)
def test_sums_for_people_have_the_separators_of_their_language(
    amount: int, rubles_ru: str, rubles_en: str, sum_ru: str, sum_en: str
) -> None:
    written = format_rubles(amount, "ru"), format_rubles(amount, "en"), format_sum(amount), format_sum(amount, "en")
    assert tuple(one.replace("\N{NO-BREAK SPACE}", " ") for one in written) == (rubles_ru, rubles_en, sum_ru, sum_en)
    assert " " not in format_rubles(amount, "ru") + format_sum(amount)


def test_no_error_writes_the_currency_behind_a_bare_number() -> None:
    texts = [(kind.code, text) for kind in error_kinds() for text in kind.text]
    assert len(texts) > 200
    assert [one for one in texts if re.search(r"\}\s*(₽|RUB|руб)", one[1])] == []
