"""Build the audit log, which listens to the events of every domain below it."""

from __future__ import annotations

from aiohttp import web

from mystar.audit.handlers import RecentRefusals
from mystar.audit.keys import AUDIT, RECENT_REFUSALS
from mystar.audit.listeners import Listeners
from mystar.audit.repository import PERSONAL_DATA
from mystar.audit.service import AuditService
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.background import every
from mystar.kit.web.routes import Route

ROUTES: tuple[Route, ...] = ()
CONSTRAINTS: Constraints = {}

_CHECKPOINT_SECONDS = 60


def add(app: web.Application, infra: Infrastructure) -> None:
    app[AUDIT] = audit = AuditService(
        infra.db, infra.signer, infra.clock, checkpoint=infra.settings.data_dir / "audit-witness.json"
    )
    app[RECENT_REFUSALS] = RecentRefusals()
    infra.add_personal_data(PERSONAL_DATA)
    Listeners(audit).listen(infra.events)
    app.cleanup_ctx.append(every(_CHECKPOINT_SECONDS, audit.save_checkpoint, name="audit checkpoint"))
