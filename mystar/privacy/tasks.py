"""Background tasks: exports are built, erasures take place, old archives end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from mystar.kit.background import every
from mystar.privacy.builder import ExportBuilder
from mystar.privacy.erasures import ErasureService
from mystar.privacy.service import ExportService

#: Seconds between two looks for work.
_BUILD, _ERASE, _SWEEP = 5.0, 60.0, 3600.0

Context = Callable[[object], AsyncIterator[None]]


def tasks(exports: ExportService, builder: ExportBuilder, erasures: ErasureService) -> tuple[Context, ...]:
    """Cleanup contexts for the application."""
    return (
        every(_BUILD, builder.build_next, name="data exports", batch=1),
        every(_ERASE, erasures.erase_next, name="erasures", batch=1),
        every(_SWEEP, exports.sweep, name="data export sweeper", batch=100),
        _stopping(builder),
    )


def _stopping(builder: ExportBuilder) -> Context:
    """Contexts end in reverse: the builder is told to stop before its task is waited for."""

    async def context(_app: object) -> AsyncIterator[None]:
        yield
        builder.is_stopping = True

    return context
