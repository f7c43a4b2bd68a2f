"""Build exports and erasures. Comes after all domains that have personal data."""

from __future__ import annotations

from aiohttp import web

from mystar.accounts.keys import ACCOUNT_ERASURE, ACCOUNTS, STEP_UP
from mystar.audit.keys import AUDIT
from mystar.files.keys import FILES
from mystar.infrastructure import Infrastructure
from mystar.privacy.builder import ExportBuilder
from mystar.privacy.erasures import ErasureService
from mystar.privacy.handlers import ROUTES as ROUTES
from mystar.privacy.keys import ERASURES, EXPORT_BUILDER, EXPORTS
from mystar.privacy.repository import CONSTRAINTS as CONSTRAINTS
from mystar.privacy.repository import PERSONAL_DATA
from mystar.privacy.service import ExportService
from mystar.privacy.tasks import tasks


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA)
    settings, public_url = infra.settings.privacy, infra.settings.http.public_url
    app[EXPORTS] = exports = ExportService(
        infra.db,
        accounts=app[ACCOUNTS],
        files=app[FILES],
        step_up=app[STEP_UP],
        audit=app[AUDIT],
        limits=infra.limits,
        clock=infra.clock,
    )
    app[EXPORT_BUILDER] = builder = ExportBuilder(
        infra.db,
        personal_data=infra.personal_data,
        accounts=app[ACCOUNTS],
        files=app[FILES],
        mailer=infra.account_mailer,
        signer=infra.signer,
        clock=infra.clock,
        settings=settings,
        public_url=public_url,
    )
    app[ERASURES] = erasures = ErasureService(
        infra.db,
        personal_data=infra.personal_data,
        accounts=app[ACCOUNT_ERASURE],
        files=app[FILES],
        step_up=app[STEP_UP],
        audit=app[AUDIT],
        mailer=infra.account_mailer,
        signer=infra.signer,
        limits=infra.limits,
        clock=infra.clock,
        settings=settings,
        public_url=public_url,
    )
    erasures.listen(infra.events)
    app.cleanup_ctx.extend(tasks(exports, builder, erasures))
