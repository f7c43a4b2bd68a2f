"""Build the storages and the files kept in them."""

from __future__ import annotations

from aiohttp import web

from mystar.accounts.keys import ACCOUNTS
from mystar.files.handlers import ROUTES as ROUTES
from mystar.files.keys import FILES, STORAGES, WRITE_PROBE
from mystar.files.repository import PERSONAL_DATA
from mystar.files.service import FileService
from mystar.files.storage_selection import storages
from mystar.files.tasks import tasks
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.storage.write_probe import WriteProbe

CONSTRAINTS: Constraints = {}


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    settings = infra.settings
    app[STORAGES] = selected = storages(settings.storage, settings.data_dir / "media", infra.metrics.registry)
    app[WRITE_PROBE] = WriteProbe(selected.both, infra.metrics.registry, settings.data_dir)
    infra.health.watch(app[WRITE_PROBE].facts)
    app[FILES] = files = FileService(
        infra.db,
        selected.both,
        app[ACCOUNTS],
        infra.signer,
        infra.clock,
        infra.limits,
        settings=settings.files,
        signed_link=settings.tokens.signed_link,
        has_several_processes=bool(settings.bus.url),
    )
    app.cleanup_ctx.extend(tasks(files))

    async def close(_app: web.Application) -> None:
        await selected.both.close()

    app.on_cleanup.append(close)
