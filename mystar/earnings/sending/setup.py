"""Build the sending of payouts, where a provider makes them."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from mystar.earnings.gateways.yookassa import YooKassaPayouts
from mystar.earnings.keys import (
    DEAL_PAYOUTS,
    DEAL_RECONCILIATION,
    PAYOUT_DETAILS,
    PAYOUT_RECONCILIATION,
    PAYOUT_SENDING,
    PAYOUTS,
)
from mystar.earnings.sending.deal_reconciliation import DealReconciliation
from mystar.earnings.sending.deals import DealPayouts
from mystar.earnings.sending.model import Providers
from mystar.earnings.sending.reconciliation import PayoutReconciliation
from mystar.earnings.sending.service import TOPIC, PayoutSending
from mystar.earnings.sending.tasks import PayoutCalls
from mystar.infrastructure import Infrastructure
from mystar.kit.background import every
from mystar.payments.gateways.breaker import Breaker

#: Seconds between two tries of a part whose call fails unexpectedly.
_MAX_PAUSE = 60.0
#: Seconds between two looks for deals whose clearance is over.
_DEALS_EVERY = 60


def add_sending(app: web.Application, infra: Infrastructure) -> None:
    """Nothing where staff pay by hand."""
    if infra.settings.payouts.provider == "manual":
        return
    account = infra.settings.payments.yookassa
    gateway = YooKassaPayouts(
        url=account.url,
        agent_id=account.payouts.agent_id,
        secret_key=account.payouts.secret_key,
        timeout=account.timeout_seconds,
        registry=infra.metrics.registry,
    )
    deals = YooKassaPayouts(
        url=account.url,
        agent_id=account.shop_id,
        secret_key=account.secret_key,
        timeout=account.timeout_seconds,
        breaker=Breaker("YooKassa deals"),
        registry=infra.metrics.registry,
        metrics="mystar_deal_provider",
    )
    infra.health.watch_trouble("provider_away", "payouts", lambda: gateway.trouble)
    infra.health.watch_trouble("provider_away", "deals", lambda: deals.trouble)
    providers = Providers(gateway, deals)
    sending = PayoutSending(
        infra.db,
        infra.outbox,
        app[PAYOUTS],
        app[PAYOUT_DETAILS],
        providers,
        infra.clock,
        poll=timedelta(seconds=infra.settings.payouts.poll_seconds),
    )
    sending.listen(infra.events)
    calls = PayoutCalls(providers, sending, infra.clock)
    infra.outbox.handle(TOPIC, calls.send, concurrency=2, max_pause=_MAX_PAUSE)
    app[PAYOUT_SENDING], app[PAYOUT_RECONCILIATION] = sending, PayoutReconciliation(infra.db, gateway, infra.clock)

    _add_deals(app, infra, deals)

    async def close(_app: web.Application) -> None:
        await gateway.close()
        await deals.close()

    app.on_cleanup.append(close)


def _add_deals(app: web.Application, infra: Infrastructure, provider: YooKassaPayouts) -> None:
    settings = infra.settings
    is_mode = settings.earnings.mode == "safe_deal"
    app[DEAL_RECONCILIATION] = DealReconciliation(infra.db, provider, infra.clock, is_mode=is_mode)
    app[DEAL_PAYOUTS] = payouts = DealPayouts(infra.db, infra.clock, approve_above=settings.payouts.approve_above)
    payouts.listen(infra.events)
    app.cleanup_ctx.append(every(_DEALS_EVERY, payouts.run, name="payouts of deals"))
