"""The sandbox as one aiohttp application."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from mystar.sandbox import fault_page, live, mail, push
from mystar.sandbox.faults import BadFaults, Faults
from mystar.sandbox.oauth import mailru, vk, vk_legacy, yandex
from mystar.sandbox.pages import CONTENTS, FAULTS, json, json_error, page, read_json, unknown_pages
from mystar.sandbox.yookassa import setup as yookassa
from mystar.sandbox.yookassa.api import PREFIX
from mystar.sandbox.yookassa.views import Merchant

SHOP_ID, SECRET_KEY = "100500", "sandbox-secret-key"
AGENT_ID, PAYOUT_SECRET_KEY = "500100", "sandbox-payout-secret-key"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Settings:
    """`public_url` is where a browser reaches the sandbox; payment links begin with it.

    `shop_id` and `secret_key` are the credentials for payments, `agent_id` and `payout_secret_key` those for payouts.
    """

    data_dir: Path
    public_url: str
    webhook_url: str | None = None
    shop_id: str = SHOP_ID
    secret_key: str = SECRET_KEY
    agent_id: str = AGENT_ID
    payout_secret_key: str = PAYOUT_SECRET_KEY
    clock: Callable[[], datetime] = now
    #: Logins and passwords of the demo accounts that the live page offers.
    people: Sequence[tuple[str, str]] = ()


def build_app(settings: Settings) -> web.Application:
    """All doubles in one application. Raises JournalBusy when its directory is in use."""
    app = web.Application(middlewares=[unknown_pages])
    app[FAULTS] = Faults()
    app[CONTENTS] = []
    mail.add_to(app, clock=settings.clock)
    push.add_to(app, clock=settings.clock)
    yookassa.add_to(
        app,
        data_dir=settings.data_dir,
        merchant=merchant_of(settings),
        webhook_url=settings.webhook_url,
        clock=settings.clock,
    )
    for double in (
        yandex.Yandex(yandex.CLIENTS, settings.clock),
        vk.VkId(vk.CLIENTS, settings.clock),
        vk_legacy.VkLegacy(vk_legacy.CLIENTS, settings.clock),
        mailru.MailRu(mailru.CLIENTS, settings.clock),
    ):
        double.add_to(app)
    live.add_to(app, webhook_url=settings.webhook_url, people=settings.people)
    app.add_routes(ROUTES)
    fault_page.add_to(app)
    return app


def merchant_of(settings: Settings) -> Merchant:
    return Merchant(
        id=settings.shop_id,
        secret_key=settings.secret_key,
        public_url=settings.public_url.rstrip("/"),
        agent_id=settings.agent_id,
        payout_secret_key=settings.payout_secret_key,
    )


async def show_front(request: web.Request) -> web.Response:
    return page(request, "front.html", contents=request.app[CONTENTS], api=PREFIX)


async def show_faults(request: web.Request) -> web.Response:
    return json(request.app[FAULTS].as_json())


async def set_faults(request: web.Request) -> web.Response:
    try:
        request.app[FAULTS].set(await read_json(request))
    except BadFaults as error:
        return json_error(400, str(error), fields=error.fields)
    return await show_faults(request)


async def clear_faults(request: web.Request) -> web.Response:
    request.app[FAULTS].clear()
    return await show_faults(request)


ROUTES = (
    web.get("/", show_front),
    web.get("/sandbox/faults", show_faults),
    web.put("/sandbox/faults", set_faults),
    web.delete("/sandbox/faults", clear_faults),
)
