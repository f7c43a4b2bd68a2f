"""Pages of receipts: what the cash register was told, and sending a refused receipt again."""

from __future__ import annotations

from aiohttp import web

from mystar.admin.access import actor_of, staff
from mystar.admin.handlers.forms import ID, load_row, path_id
from mystar.admin.handlers.render import action_response, page
from mystar.admin.lists.labels import RECEIPT_KINDS, RECEIPT_STATUSES
from mystar.kit.web.routes import Route, route
from mystar.receipts.keys import RECEIPTS


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    receipt = await load_row(request, "receipt_page")
    return page(request, "receipt.html", receipt=receipt, statuses=RECEIPT_STATUSES, kinds=RECEIPT_KINDS)


@staff("operator")
async def send_again(request: web.Request) -> web.Response:
    """:raises ReceiptUnknown: :raises ReceiptNotRefused:"""
    await request.app[RECEIPTS].send_again(actor_of(request), path_id(request))
    return action_response(request, f"/admin/receipts/{path_id(request)}/")


ROUTES: tuple[Route, ...] = (
    route("GET", f"/admin/receipts/{ID}/", show, "admin.receipt", documented=False),
    route("POST", f"/admin/receipts/{ID}/send/", send_again, "admin.receipt-send", documented=False),
)
