"""Files as tests see them: what the storage holds, and uploads made without a form."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mystar.accounts.model import Actor
from mystar.files.handlers import FILES
from mystar.files.model import StoredFile
from mystar.files.service import FileService
from mystar.settings import Settings
from tests.factory import Person

Receive = Callable[..., Awaitable[StoredFile]]


@pytest.fixture
def files(app: web.Application, api: object) -> FileService:
    return app[FILES]


@pytest.fixture
def media_folder(settings: Settings) -> Path:
    return settings.data_dir / "media"


@pytest.fixture
def receive(files: FileService, app: web.Application) -> Receive:
    """Keep bytes as an upload of somebody's, not attached yet."""

    async def do(
        person: Person, content: bytes, kind: str = "other", name: str = "note.txt", **options: Any
    ) -> StoredFile:
        async def chunks() -> AsyncIterator[bytes]:
            yield content

        actor = Actor(person.id, uuid.uuid4(), person.username)
        return await files.receive(actor, chunks(), kinds=(kind,), folder="notes", name=name, **options)

    return do


def stored(folder: Path) -> list[str]:
    """Everything that lies in the storage, half-arrived things included."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
