"""What the application keeps of receipts: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.receipts.service import ReceiptService

RECEIPTS: web.AppKey[ReceiptService] = web.AppKey("receipts")
