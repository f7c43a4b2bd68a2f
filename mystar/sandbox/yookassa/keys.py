"""How handlers find the double's parts."""

from aiohttp import web

from mystar.sandbox.journal import Journal
from mystar.sandbox.yookassa.api import YooKassa
from mystar.sandbox.yookassa.store import RecordStore
from mystar.sandbox.yookassa.views import Merchant
from mystar.sandbox.yookassa.webhooks import Webhooks

YOOKASSA = web.AppKey("yookassa", YooKassa)
STORE = web.AppKey("store", RecordStore)
MERCHANT = web.AppKey("merchant", Merchant)
WEBHOOKS = web.AppKey("webhooks", Webhooks)
JOURNAL = web.AppKey("journal", Journal)
WEBHOOK_JOURNAL = web.AppKey("webhook_journal", Journal)
