"""Exports are built, and accounts erased, when a test says so."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def background_tasks_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mystar.privacy.tasks._BUILD", 3600.0)
    monkeypatch.setattr("mystar.privacy.tasks._ERASE", 3600.0)
