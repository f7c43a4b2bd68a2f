"""Build earnings: commission rules, the ledger's listeners and the clearance."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from mystar.earnings.handlers import ROUTES as ROUTES
from mystar.earnings.keys import COMMISSION_RULES, EARNINGS
from mystar.earnings.listeners import Listeners
from mystar.earnings.rules.service import RuleService
from mystar.earnings.service import EarningService, Policy
from mystar.earnings.tasks import Clearance
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.background import every
from mystar.orders.keys import ORDER_READS
from mystar.sections import EarningSettings

CONSTRAINTS: Constraints = {}
#: Seconds between two looks for shares whose clearance is over.
_CLEAR_EVERY = 60


def add(app: web.Application, infra: Infrastructure) -> None:
    app[COMMISSION_RULES] = rules = RuleService(infra.db, infra.clock)
    app[EARNINGS] = earnings = EarningService(infra.db, rules, infra.clock, _policy(infra.settings.earnings))
    Listeners(earnings).listen(infra.events)
    app[ORDER_READS].show_shares(earnings.shares)
    app.cleanup_ctx.append(every(_CLEAR_EVERY, Clearance(earnings).run, name="clearance"))


def _policy(settings: EarningSettings) -> Policy:
    return Policy(
        mode=settings.mode,
        clearance=timedelta(days=settings.clearance_days),
        keeps_commission=settings.commission_on_refund == "kept",
        vat_percent=0 if settings.commission_vat == "none" else int(settings.commission_vat),
        debt=timedelta(days=settings.debt_days),
    )
