"""Build earnings: commission rules, the ledger's listeners, the clearance, statements and payouts."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from mystar.accounts.keys import ACCOUNTS, STEP_UP
from mystar.earnings import handlers
from mystar.earnings.details import handlers as details_handlers
from mystar.earnings.details.model import PayoutOpen
from mystar.earnings.details.repository import PERSONAL_DATA as DETAILS_DATA
from mystar.earnings.details.service import DetailsService
from mystar.earnings.keys import COMMISSION_RULES, EARNINGS, PAYOUT_DETAILS, PAYOUTS, STATEMENTS
from mystar.earnings.listeners import Listeners
from mystar.earnings.payouts import handlers as payout_handlers
from mystar.earnings.payouts.model import Schedule
from mystar.earnings.payouts.repository import PERSONAL_DATA as PAYOUTS_DATA
from mystar.earnings.payouts.repository import PayoutRepository
from mystar.earnings.payouts.service import PayoutService
from mystar.earnings.payouts.service import Policy as PayoutPolicy
from mystar.earnings.payouts.tasks import Sweep
from mystar.earnings.repository import PERSONAL_DATA
from mystar.earnings.rules.repository import PERSONAL_DATA as RULES_DATA
from mystar.earnings.rules.service import RuleService
from mystar.earnings.rules.tasks import TOPIC as RULE_MAILS
from mystar.earnings.rules.tasks import RuleMails
from mystar.earnings.sending.setup import add_sending
from mystar.earnings.service import EarningService, Policy
from mystar.earnings.statements import handlers as statement_handlers
from mystar.earnings.statements.repository import PERSONAL_DATA as STATEMENTS_DATA
from mystar.earnings.statements.service import StatementService
from mystar.earnings.tasks import Clearance
from mystar.infrastructure import Constraints, Infrastructure
from mystar.kit.background import every
from mystar.kit.security.sealing import Sealer
from mystar.kit.web.routes import Route
from mystar.money_sections import EarningSettings, PayoutSettings
from mystar.orders.keys import ORDER_READS
from mystar.payments.keys import PAYMENTS

ROUTES: tuple[Route, ...] = (
    *(*handlers.ROUTES, *details_handlers.ROUTES),
    *(*payout_handlers.ROUTES, *statement_handlers.ROUTES),
)
CONSTRAINTS: Constraints = {"payouts_open_key": PayoutOpen}
#: Seconds between two looks for shares whose clearance is over; months and the schedule may wait a little longer.
_CLEAR_EVERY, _LOOK_EVERY = 5, 30


def add(app: web.Application, infra: Infrastructure) -> None:
    infra.add_personal_data(PERSONAL_DATA, DETAILS_DATA, PAYOUTS_DATA, RULES_DATA, STATEMENTS_DATA)
    _add_earnings(app, infra)
    _add_payouts(app, infra)
    add_sending(app, infra)


def _add_earnings(app: web.Application, infra: Infrastructure) -> None:
    app[COMMISSION_RULES] = rules = RuleService(infra.db, infra.clock)
    payments = app[PAYMENTS]
    earnings = EarningService(infra.db, rules, infra.clock, _policy(infra.settings.earnings), payments)
    app[EARNINGS] = earnings
    payments.use_deals(earnings)
    Listeners(earnings).listen(infra.events)
    mails = RuleMails(infra.db, infra.outbox, infra.mailer)
    mails.listen(infra.events)
    infra.outbox.handle(RULE_MAILS, mails.send)
    app[ORDER_READS].show_shares(earnings.shares)
    app[STATEMENTS] = statements = StatementService(infra.db, infra.clock)
    app.cleanup_ctx.append(every(_CLEAR_EVERY, Clearance(earnings).run, name="clearance"))
    app.cleanup_ctx.append(every(_LOOK_EVERY, statements.close_months, name="statements"))


def _policy(settings: EarningSettings) -> Policy:
    return Policy(
        mode=settings.mode,
        clearance=timedelta(days=settings.clearance_days),
        keeps_commission=settings.commission_on_refund == "kept",
        vat_percent=0 if settings.commission_vat == "none" else int(settings.commission_vat),
        deal_fee_moment=settings.deal_fee_moment,
        deal_fee_bp=round(settings.deal_fee_percent * 100),
        debt=timedelta(days=settings.debt_days),
    )


def _add_payouts(app: web.Application, infra: Infrastructure) -> None:
    settings = infra.settings
    details = DetailsService(
        infra.db,
        infra.clock,
        accounts=app[ACCOUNTS],
        step_up=app[STEP_UP],
        mailer=infra.account_mailer,
        sealer=Sealer(settings.secret_key, "payout details", previous=settings.previous_secret_keys),
        signer=infra.signer,
        public_url=settings.http.public_url,
        cooldown=timedelta(days=settings.payouts.cooldown_days),
    )
    payouts = PayoutService(infra.db, infra.clock, details, _payout_policy(settings.payouts))
    app[PAYOUT_DETAILS], app[PAYOUTS] = details, payouts
    infra.metrics.watch(
        PayoutRepository(infra.db).count_open,
        "status",
        payouts_open="Payouts that reserve money",
        payouts_open_kopecks="What they amount to",
    )
    app.cleanup_ctx.append(every(_LOOK_EVERY, Sweep(payouts).run, name="payout schedule"))


def _payout_policy(settings: PayoutSettings) -> PayoutPolicy:
    return PayoutPolicy(
        provider=settings.provider,
        schedule=Schedule(settings.schedule, settings.weekday, settings.hour),
        minimum=settings.minimum,
        card_maximum=settings.card_maximum,
        sbp_maximum=settings.sbp_maximum,
        approve_above=settings.approve_above,
        second_pair_above=settings.second_pair_above,
    )
