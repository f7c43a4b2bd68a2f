"""Pages of payouts and balances: approving, settling by hand, unknown outcomes, stops and corrections."""

from __future__ import annotations

from aiohttp import web

from mystar.admin.access import Handler, actor_of, language_in, staff
from mystar.admin.handlers.forms import ID, load_row, number_field, path_id, rubles_field, seen_field, text_field
from mystar.admin.handlers.notes import with_note
from mystar.admin.handlers.render import action_response, page
from mystar.admin.keys import ROWS
from mystar.admin.lists.earnings import PAYOUTS as PAYOUT_LIST
from mystar.admin.lists.labels import EARNING_ACCOUNTS, EARNING_KINDS, PAYOUT_STATUSES
from mystar.earnings.keys import EARNINGS, PAYOUT_SENDING, PAYOUTS, STATEMENTS
from mystar.earnings.payouts.model import Approver, approver
from mystar.earnings.sending.service import PayoutSending
from mystar.earnings.statements.handlers import download
from mystar.errors import Invalid, NotFound, Text
from mystar.kit.web.routes import Route, route
from mystar.kit.web.streaming import streams

_NEEDED = Text("Обязательное поле.", "Missing data for required field.")


@staff("viewer")
async def show_payout(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    payout = await load_row(request, "payout_page")
    rows, payout_id = request.app[ROWS], payout["id"]
    return page(
        request,
        "payout.html",
        payout=payout,
        parts=await rows.all("payout_parts_of", id=payout_id),
        entries=await rows.all("payout_entries", id=payout_id),
        shared=await rows.all("payout_details_shared", id=payout_id),
        statuses=PAYOUT_STATUSES,
        accounts=EARNING_ACCOUNTS,
        kinds=EARNING_KINDS,
    )


@staff("viewer")
async def show_creator(request: web.Request) -> web.Response:
    """The balance of a creator. :raises NotFound: the account has never earned anything."""
    balance = await load_row(request, "balance_page")
    rows, creator_id = request.app[ROWS], balance["creator_id"]
    return page(
        request,
        "balance.html",
        balance=balance,
        payouts=await rows.some(PAYOUT_LIST, "account_ids_of_payouts", creator_id),
        entries=await rows.all("creator_entries", id=creator_id),
        columns=tuple(column for column in PAYOUT_LIST.columns if column.name != "creator"),
        accounts=EARNING_ACCOUNTS,
        kinds=EARNING_KINDS,
    )


def statement_as(form: str) -> Handler:
    """The handler that answers a creator's statement in this form."""

    @staff("viewer")
    @streams
    async def handler(request: web.Request) -> web.StreamResponse:
        """:raises StatementUnknown:"""
        statement = await request.app[STATEMENTS].for_staff(path_id(request))
        return await download(request, statement, form, language_in(request))

    return handler


@staff("operator", is_sensitive=True)
async def approve(request: web.Request) -> web.Response:
    """:raises PayoutWrongTime: :raises SecondPersonNeeded: :raises PayoutsPaused:"""
    await request.app[PAYOUTS].approve(_by(request), path_id(request))
    return _back(request)


@staff("operator", is_sensitive=True)
async def pay(request: web.Request) -> web.Response:
    """Record that the money has arrived, by the bank's document. :raises PayoutWrongTime:"""
    document = await text_field(request, "document", min_length=1, max_length=100)
    await request.app[PAYOUTS].pay(_by(request), path_id(request), document, await _part(request))
    return _back(request)


@staff("operator", is_sensitive=True)
async def fail(request: web.Request) -> web.Response:
    """Record that the bank refused. :raises PayoutWrongTime:"""
    reason = await text_field(request, "reason", min_length=1, max_length=500)
    payout = await load_row(request, "payout_page")
    async with await with_note(request, "account", payout["creator_id"]):
        await request.app[PAYOUTS].fail(_by(request), path_id(request), reason, await _part(request))
    return _back(request)


@staff("operator", is_sensitive=True)
async def return_(request: web.Request) -> web.Response:
    """Record that the bank sent the money back. :raises PayoutWrongTime:"""
    await request.app[PAYOUTS].return_(_by(request), path_id(request), await _part(request))
    return _back(request)


@staff("operator", is_sensitive=True)
async def withdraw(request: web.Request) -> web.Response:
    """Cancel a payout that is not on its way yet. :raises PayoutWrongTime:"""
    await request.app[PAYOUTS].withdraw(_by(request), path_id(request))
    return _back(request)


@staff("operator", is_sensitive=True)
async def send_again(request: web.Request) -> web.Response:
    """Begin another attempt for an unknown part. :raises NotProvenAbsent: :raises PayoutWrongTime:"""
    part_id = await number_field(request, "part", max_value=2**63 - 1)
    await _sending(request).send_again(_by(request), part_id)
    return _back(request)


@staff("operator", is_sensitive=True)
async def resume_queue(request: web.Request) -> web.Response:
    """Send payouts again, after an empty balance or refused credentials."""
    await _sending(request).resume_queue(_by(request))
    return action_response(request, "/admin/payouts/")


@staff("operator")
async def stop(request: web.Request) -> web.Response:
    """Stop a creator's payouts."""
    reason = await text_field(request, "reason", min_length=1, max_length=500)
    async with await with_note(request, "account", path_id(request)):
        await request.app[PAYOUTS].stop(_by(request), path_id(request), reason)
    return _back_to_creator(request)


@staff("operator", is_sensitive=True)
async def resume(request: web.Request) -> web.Response:
    """Let a creator be paid again."""
    await request.app[PAYOUTS].stop(_by(request), path_id(request), None)
    return _back_to_creator(request)


@staff("operator", is_sensitive=True)
async def adjust(request: web.Request) -> web.Response:
    """A bonus, or a fine, with its reason.

    :raises Conflict: the balance has changed since the page was rendered, as by a second click.
    """
    seen = await seen_field(request)
    amount, reason = await _sum(request), await text_field(request, "reason", min_length=1, max_length=500)
    sign = -1 if await text_field(request, "direction", max_length=10) == "fine" else 1
    async with await with_note(request, "account", path_id(request)):
        await request.app[EARNINGS].adjust(actor_of(request), path_id(request), sign * amount, reason, seen=seen)
    return _back_to_creator(request)


@staff("owner", is_sensitive=True)
async def write_off(request: web.Request) -> web.Response:
    """The platform bears the debt. :raises NoDebt:"""
    reason = await text_field(request, "reason", min_length=1, max_length=500)
    async with await with_note(request, "account", path_id(request)):
        await request.app[EARNINGS].write_off(actor_of(request), path_id(request), reason)
    return _back_to_creator(request)


async def _sum(request: web.Request) -> int:
    amount = await rubles_field(request, "amount")
    if not amount:
        raise Invalid(fields={"amount": [_NEEDED]})
    return amount


async def _part(request: web.Request) -> int | None:
    """The number of a part; None = all of them."""
    return await number_field(request, "part", max_value=100_000) or None


def _by(request: web.Request) -> Approver:
    return approver(actor_of(request))


def _sending(request: web.Request) -> PayoutSending:
    """:raises NotFound: payouts are made by hand."""
    sending = request.app.get(PAYOUT_SENDING)
    if sending is None:
        raise NotFound
    return sending


def _back(request: web.Request) -> web.Response:
    return action_response(request, f"/admin/payouts/{path_id(request)}/")


def _back_to_creator(request: web.Request) -> web.Response:
    return action_response(request, f"/admin/earnings/{path_id(request)}/")


_PAYOUT_ACTIONS = {
    "approve": approve,
    "paid": pay,
    "failed": fail,
    "returned": return_,
    "withdraw": withdraw,
    "send-again": send_again,
}
_CREATOR_ACTIONS = {"stop": stop, "resume": resume, "adjust": adjust, "write-off": write_off}

ROUTES: tuple[Route, ...] = (
    route("POST", "/admin/payouts/resume-queue/", resume_queue, "admin.payout-queue", documented=False),
    route("GET", f"/admin/payouts/{ID}/", show_payout, "admin.payout", documented=False),
    *(
        route("GET", f"/admin/statements/{ID}/{form}/", statement_as(form), f"admin.statement-{form}", documented=False)
        for form in ("json", "csv", "pdf")
    ),
    route("GET", f"/admin/earnings/{ID}/", show_creator, "admin.balance", documented=False),
    *(
        route("POST", f"/admin/payouts/{ID}/{name}/", action, f"admin.payout-{name}", documented=False)
        for name, action in _PAYOUT_ACTIONS.items()
    ),
    *(
        route("POST", f"/admin/earnings/{ID}/{name}/", action, f"admin.balance-{name}", documented=False)
        for name, action in _CREATOR_ACTIONS.items()
    ),
)
