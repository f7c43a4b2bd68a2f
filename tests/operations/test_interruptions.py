"""Ctrl-C in a long command: exit code 130 and one sentence that says how to go on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import psycopg2
import pytest
from click.testing import CliRunner

from mystar.cli import commands, payments
from mystar.demo import scale


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, psycopg2.errors.QueryCanceled])
def test_seeding_says_how_many_creators_are_left(monkeypatch: pytest.MonkeyPatch, trouble: type[BaseException]) -> None:
    def fill(dsn: str, creators: int, progress: Callable[[int], None]) -> None:
        progress(5_000)
        raise trouble

    monkeypatch.setattr(scale, "fill", fill)
    monkeypatch.setattr(commands, "load_and_configure", lambda: None)
    monkeypatch.setattr("mystar.demo.refuse_production", lambda _: None)
    monkeypatch.setattr(commands, "database", lambda _: contextlib.nullcontext("dsn"))
    monkeypatch.setattr("mystar.kit.postgres.migrations.require_current", lambda _: None)
    done = CliRunner().invoke(commands.main, ["seed", "--scale", "12000"])
    assert (done.exit_code, done.stdout) == (130, "")
    assert done.stderr == "Interrupted: 5000 of 12000 creators were added; seed --scale 7000 adds the rest.\n"


def test_any_other_command_ends_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments, "with_service", interrupted)
    done = CliRunner().invoke(commands.main, ["payments", "reconcile"])
    assert (done.exit_code, done.stdout) == (130, "")
    assert done.stderr == "Interrupted: what was done stays, and the same command goes on from there.\n"
