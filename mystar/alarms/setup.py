"""Build the alarms, which judge what the domains below measure."""

from __future__ import annotations

from aiohttp import web

from mystar.alarms.keys import ALARMS
from mystar.alarms.model import Thresholds
from mystar.alarms.service import AlarmService, Recipients
from mystar.audit.keys import AUDIT
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.background import every
from mystar.kit.web.routes import Route

#: The panel shows and silences them.
ROUTES: tuple[Route, ...] = ()
CONSTRAINTS: Constraints = {}
#: Seconds between two judgements of a process, and between two looks for old rows.
_INTERVAL, _HOUR = 30, 3600


def add(app: web.Application, infra: Infrastructure) -> None:
    settings = infra.settings.alarms
    app[ALARMS] = alarms = AlarmService(
        infra.db,
        infra.health,
        infra.account_mailer,
        app[AUDIT],
        infra.clock,
        thresholds=Thresholds(settings.outbox_seconds, settings.free_disk_bytes, settings.backup_hours),
        recipients=Recipients(settings.mailbox, infra.settings.mail.support, settings.language),
        mails_per_day=settings.mails_per_day,
        panel_url=f"{infra.settings.http.public_url}/admin/",
    )
    infra.health.watch(alarms.marked)
    infra.metrics.watch(alarms.counts, "alarm", alarm_open="Open alarms by kind, the same from every process")
    app.cleanup_ctx.append(every(_INTERVAL, alarms.evaluate, name="alarms"))
    app.cleanup_ctx.append(every(_HOUR, alarms.purge, name="old alarms", batch=1000))
