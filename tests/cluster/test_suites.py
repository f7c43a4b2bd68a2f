"""Which tests `scripts/cluster suites` runs, and why not the others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.cluster.front import reason_inside
from tests.cluster.suites import SUITES
from tests.programs import ROOT


def item(*asked: str, through: tuple[str, ...] = (), marks: tuple[str, ...] = ()) -> Any:
    """A test that asks for these fixtures, and by them for others. :param marks: its reasons for one process."""
    fixtures = SimpleNamespace(argnames=asked, names_closure=[*asked, *through])
    mark = SimpleNamespace(args=marks) if marks else None
    return cast(pytest.Item, SimpleNamespace(_fixtureinfo=fixtures, get_closest_marker=lambda _name: mark))


def test_a_test_through_the_addresses_of_the_service_is_run() -> None:
    assert reason_inside(item("api", "factory")) == ""
    # By `make_settings`, which sets variables before the service is started.
    assert reason_inside(item("market", through=("api", "monkeypatch"))) == ""
    # Its clock is that of a process of its own.
    assert reason_inside(item("clock", "process", through=("make_process", "dsn"))) == ""


@pytest.mark.parametrize(
    ("fixtures", "reason"),
    [
        (("api", "clock"), "set the clock"),
        (("api", "monkeypatch"), "replace a part"),
        (("dsn",), "have no service in front"),
        ((), "have no service in front"),
    ],
)
def test_a_test_that_reaches_into_the_service_is_named_with_its_reason(fixtures: tuple[str, ...], reason: str) -> None:
    assert reason_inside(item(*fixtures)).startswith(reason)


def test_a_test_says_itself_that_it_needs_one_process() -> None:
    assert reason_inside(item("api", marks=("read the metrics of one process",))) == "read the metrics of one process"


def test_the_suites_are_there() -> None:
    assert [suite for suite in SUITES if not (ROOT / suite).exists()] == []
    assert {"tests/orders", "tests/chat", "tests/payments"} <= set(SUITES)
