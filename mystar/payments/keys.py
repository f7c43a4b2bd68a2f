"""What the application keeps of payments: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.payments.service import PaymentService

PAYMENTS: web.AppKey[PaymentService] = web.AppKey("payments")
