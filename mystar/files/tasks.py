"""Background tasks of files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from mystar.files.service import FileService
from mystar.kit.background import every

_HOUR, _DAY = 3600.0, 86_400.0


def tasks(files: FileService) -> tuple[Callable[[object], AsyncIterator[None]], ...]:
    """Cleanup contexts for the application."""
    return (
        every(_HOUR, files.sweep, name="file sweeper"),
        every(_DAY, files.copy_older, name="copies of older avatars"),
        every(_DAY, files.sweep_objects_without_row, name="stray bytes sweeper"),
    )
