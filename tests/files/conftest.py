"""Files as tests see them: what the storage holds, and uploads made without a form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mystar.app import create_app
from mystar.files.keys import FILES
from mystar.files.model import StoredFile
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.settings import Settings
from tests.clock import FrozenClock
from tests.factory import Person, actor

Receive = Callable[..., Awaitable[StoredFile]]


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(Clock().now())


@pytest.fixture
async def app(settings: Settings, clock: FrozenClock) -> web.Application:
    """The service with a clock that the test moves."""
    return await create_app(settings, settings.database.url, clock)


@pytest.fixture
def files(app: web.Application, api: object) -> FileService:
    return app[FILES]


@pytest.fixture
def media_folder(settings: Settings) -> Path:
    return settings.data_dir / "media"


@pytest.fixture
def receive(files: FileService, app: web.Application) -> Receive:
    """Store bytes as an upload that is not attached yet."""

    async def do(
        person: Person, content: bytes, kind: str = "other", name: str = "note.txt", **options: Any
    ) -> StoredFile:
        async def chunks() -> AsyncIterator[bytes]:
            yield content

        return await files.receive(actor(person), chunks(), kinds=(kind,), folder="notes", name=name, **options)

    return do


def stored(folder: Path) -> list[str]:
    """Everything that lies in the storage, half-arrived things included."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
