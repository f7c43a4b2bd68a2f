"""Money: whole kopecks inside, rubles on the wire."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mystar.kit.money import MAX_KOPECKS, kopecks, rubles, rubles_text
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
