"""Adds the double to an application: its API, the pages of the provider, the controls and the background work."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from mystar.sandbox.journal import Journal
from mystar.sandbox.pages import CONTENTS, FAULTS, Clock
from mystar.sandbox.yookassa import checkout, controls
from mystar.sandbox.yookassa.api import YooKassa
from mystar.sandbox.yookassa.keys import JOURNAL, MERCHANT, STORE, WEBHOOK_JOURNAL, WEBHOOKS, YOOKASSA
from mystar.sandbox.yookassa.store import RecordStore
from mystar.sandbox.yookassa.views import Merchant, render
from mystar.sandbox.yookassa.webhooks import Webhooks

#: Seconds between two looks for what time has ended.
EXPIRY_INTERVAL = 1.0


def add_to(app: web.Application, *, data_dir: Path, merchant: Merchant, webhook_url: str | None, clock: Clock) -> None:
    """Raises JournalBusy when another sandbox works in this directory."""
    journal = app[JOURNAL] = Journal(data_dir / "money.jsonl")
    webhook_journal = app[WEBHOOK_JOURNAL] = Journal(data_dir / "webhooks.jsonl", durable=False)
    store = app[STORE] = RecordStore(journal, clock)
    app[MERCHANT] = merchant
    yookassa = app[YOOKASSA] = YooKassa(store, merchant, app[FAULTS])
    webhooks = app[WEBHOOKS] = Webhooks(
        webhook_journal, app[FAULTS], lambda event: render(event.subject, merchant), webhook_url
    )
    store.listen(webhooks.notify)
    for routes in (yookassa.routes(), checkout.ROUTES, controls.ROUTES):
        app.add_routes(routes)
    app.cleanup_ctx.append(_background)
    app[CONTENTS].extend(
        [
            ("/payments/", "Платежи", "Payments"),
            ("/payouts/", "Выплаты", "Payouts"),
            ("/payouts/card/", "Карта для выплат", "A card for payouts"),
            ("/sandbox/journal.json", "Журнал денег", "The journal of money"),
            ("/sandbox/webhooks.json", "Чем кончились уведомления", "How the notifications ended"),
        ]
    )


async def _background(app: web.Application) -> AsyncIterator[None]:
    await app[WEBHOOKS].start(app[STORE].past)
    app[STORE].past.clear()
    task = asyncio.create_task(_expire_periodically(app[YOOKASSA]), name="expiry")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await app[WEBHOOKS].stop()
    app[JOURNAL].close()
    app[WEBHOOK_JOURNAL].close()


async def _expire_periodically(yookassa: YooKassa) -> None:
    while True:
        await asyncio.sleep(EXPIRY_INTERVAL)
        yookassa.payments.expire_due()
        yookassa.payouts.settle_due()
        yookassa.deals.expire_due()
