"""The audit log: whatever happens below is written down."""

from __future__ import annotations

from aiohttp import web

from mystar.audit.handlers import AUDIT, REPETITIONS, Repetitions
from mystar.audit.listeners import Listeners
from mystar.audit.service import AuditService
from mystar.infrastructure import Ground
from mystar.kit.background import every
from mystar.kit.web.routes import Route

ROUTES: tuple[Route, ...] = ()
CONSTRAINTS: dict[str, object] = {}

_WITNESS_SECONDS = 60


def add(app: web.Application, ground: Ground) -> None:
    app[AUDIT] = audit = AuditService(
        ground.db, ground.signer, ground.clock, witness=ground.settings.data_dir / "audit-witness.json"
    )
    app[REPETITIONS] = Repetitions()
    Listeners(audit).listen(ground.events)
    app.cleanup_ctx.append(every(_WITNESS_SECONDS, audit.remember_heads, name="audit witness"))
