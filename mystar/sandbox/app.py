"""What the sandbox is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from mystar.sandbox import live, mail
from mystar.sandbox.faults import BadFaults, Faults
from mystar.sandbox.oauth import mailru, vk, vk_legacy, yandex
from mystar.sandbox.pages import CONTENTS, FAULTS, json, json_error, page, read_json
from mystar.sandbox.yookassa import levers as money
from mystar.sandbox.yookassa.api import PREFIX, Shop

SHOP_ID, SECRET_KEY = "100500", "sandbox-secret-key"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Settings:
    """`public_url` is where a browser finds the sandbox; payment links begin with it."""

    data_dir: Path
    public_url: str
    webhook_url: str | None = None
    shop_id: str = SHOP_ID
    secret_key: str = SECRET_KEY
    clock: Callable[[], datetime] = now


def build_app(settings: Settings) -> web.Application:
    """All doubles in one application. Raises JournalBusy when its directory is in use."""
    app = web.Application()
    app[FAULTS] = Faults()
    app[CONTENTS] = []
    shop = Shop(settings.shop_id, settings.secret_key, settings.public_url.rstrip("/"))
    mail.add_to(app, clock=settings.clock)
    money.add_to(app, data_dir=settings.data_dir, shop=shop, webhook_url=settings.webhook_url, clock=settings.clock)
    for double in (
        yandex.Yandex(yandex.CLIENTS, settings.clock),
        vk.VkId(vk.CLIENTS, settings.clock),
        vk_legacy.VkLegacy(vk_legacy.CLIENTS, settings.clock),
        mailru.MailRu(mailru.CLIENTS, settings.clock),
    ):
        double.add_to(app)
    live.add_to(app, webhook_url=settings.webhook_url)
    app.add_routes(ROUTES)
    app[CONTENTS].append(("/sandbox/faults", "Неисправности", "Faults"))
    return app


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
