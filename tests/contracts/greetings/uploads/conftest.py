"""Accounts that upload, and the folder of the stored files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mystar.settings import Settings
from tests.factory import Factory, Person


@pytest.fixture
async def person(factory: Factory) -> Person:
    return await factory.person()


@pytest.fixture
def media(settings: Settings) -> Path:
    return settings.data_dir / "media"
