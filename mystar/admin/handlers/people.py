"""Accounts with their sessions, staff, creators and files."""

from __future__ import annotations

import uuid

from aiohttp import web
from aiohttp_apispec import docs

from mystar.accounts.keys import ACCOUNTS, FACTORS, STAFF
from mystar.accounts.model import Role
from mystar.admin.access import actor_of, staff
from mystar.admin.handlers.forms import ID, is_checked, load_row, path_id, text_field
from mystar.admin.handlers.notes import notes_of, with_note
from mystar.admin.handlers.render import action_response, page
from mystar.admin.keys import ROWS
from mystar.admin.lists.labels import FILE_KINDS
from mystar.admin.lists.market import SERVICES
from mystar.admin.lists.orders import ORDERS
from mystar.admin.model import RANKS
from mystar.creators.keys import CREATORS
from mystar.errors import Invalid, NotFound, Text
from mystar.files.keys import FILES
from mystar.kit.web.pagination import PageRequest
from mystar.kit.web.routes import Route, route
from mystar.privacy.keys import ERASURES, EXPORTS

TAGS = ["staff"]
_MAX_REASON = 100
_NO_ROLE = Text("Такой роли нет.", "There is no such role.")
#: Columns of lists about one person.
_BOUGHT = tuple(column for column in ORDERS.columns if column.name != "buyer")
_SOLD = tuple(column for column in ORDERS.columns if column.name != "creator")
_OFFERED = tuple(column for column in SERVICES.columns if column.name != "creator")


@staff("viewer")
async def show_account(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    account = await load_row(request, "account_page")
    rows, account_id = request.app[ROWS], account["id"]
    sessions = await request.app[STAFF].sessions_of(actor_of(request), account_id, PageRequest(size=20))
    return page(
        request,
        "account.html",
        account=account,
        sessions=sessions,
        orders=await rows.some(ORDERS, "account_ids_of_orders", account_id),
        columns=_BOUGHT,
        actor=actor_of(request),
        notes=await notes_of(request, "account", account_id),
        export=await request.app[EXPORTS].latest(account_id),
        erasure=await request.app[ERASURES].open(account_id),
    )


@staff("operator", is_sensitive=True)
async def export_data(request: web.Request) -> web.Response:
    """:raises NotFound: :raises ReasonNeeded: :raises ExportRunning:"""
    reason = await text_field(request, "reason", max_length=_MAX_REASON)
    await request.app[EXPORTS].request_by_staff(actor_of(request), path_id(request), reason)
    return _account_response(request)


@staff("operator", is_sensitive=True)
async def erase_account(request: web.Request) -> web.Response:
    """:raises NotFound: :raises ReasonNeeded: :raises ErasureBlocked: :raises ErasureRequested:"""
    reason = await text_field(request, "reason", max_length=_MAX_REASON)
    await request.app[ERASURES].request_by_staff(actor_of(request), path_id(request), reason)
    return _account_response(request)


@staff("operator")
async def keep_account(request: web.Request) -> web.Response:
    """:raises ErasureUnknown:"""
    await request.app[ERASURES].withdraw_by_staff(actor_of(request), path_id(request))
    return _account_response(request)


@staff("operator", is_sensitive=True)
async def prove_phone(request: web.Request) -> web.Response:
    """:raises NotFound: :raises Invalid: :raises Taken: :raises Forbidden: as for `block`."""
    phone = await text_field(request, "phone", max_length=40)
    reason = await text_field(request, "reason", max_length=_MAX_REASON)
    await request.app[STAFF].prove_phone(actor_of(request), path_id(request), phone, reason)
    return _account_response(request)


@docs(
    tags=TAGS,
    summary="Block an account: its sessions end, its WebSockets close, it cannot sign in",
    responses={204: {}},
)
@staff("operator")
async def block(request: web.Request) -> web.Response:
    """:raises NotFound: :raises NotYourself: :raises Forbidden: a staff account, when the actor is no owner."""
    async with await with_note(request, "account", path_id(request)):
        await request.app[STAFF].block(actor_of(request), path_id(request))
    return _account_response(request)


@docs(tags=TAGS, summary="Unblock an account", responses={204: {}})
@staff("operator", is_sensitive=True)
async def unblock(request: web.Request) -> web.Response:
    """:raises NotFound: :raises Forbidden: as for `block`."""
    async with await with_note(request, "account", path_id(request)):
        await request.app[STAFF].unblock(actor_of(request), path_id(request))
    return _account_response(request)


@docs(
    tags=TAGS,
    summary="Remove the second factors of an account whose owner has lost them: its sessions end, the owner is mailed",
    responses={204: {}},
)
@staff("operator", is_sensitive=True)
async def reset_factors(request: web.Request) -> web.Response:
    """:raises NoFactors: :raises Forbidden: a staff account, when the actor is no owner, or the own account."""
    await request.app[FACTORS].reset(actor_of(request), path_id(request))
    return _account_response(request)


@staff("operator")
async def end_session(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    session_id = uuid.UUID(request.match_info["session"])
    await request.app[STAFF].end_session(actor_of(request), path_id(request), session_id)
    return _account_response(request)


@staff("owner", is_sensitive=True)
async def set_role(request: web.Request) -> web.Response:
    """An empty role removes the account from the staff."""
    await request.app[STAFF].set_role(actor_of(request), path_id(request), await _role(request, may_be_none=True))
    return _account_response(request)


@staff("owner")
async def show_staff(request: web.Request) -> web.Response:
    return page(request, "staff.html", people=await request.app[ROWS].all("staff_list"), actor=actor_of(request))


@staff("owner", is_sensitive=True)
async def create_staff(request: web.Request) -> web.Response:
    """:raises Invalid: by field. :raises Taken: by field."""
    await request.app[STAFF].require_owner(actor_of(request))
    role = await _role(request)
    account = await request.app[ACCOUNTS].create_staff(
        username=await text_field(request, "username", max_length=150, min_length=1),
        email=await text_field(request, "email", max_length=254) or None,
        password=await text_field(request, "password", max_length=128, min_length=1),
        role=role or "viewer",
    )
    return action_response(request, f"/admin/accounts/{account.id}/")


async def _role(request: web.Request, *, may_be_none: bool = False) -> Role | None:
    text = await text_field(request, "role", max_length=20)
    if text in RANKS:
        return text
    if may_be_none and not text:
        return None
    raise Invalid(fields={"role": [_NO_ROLE]})


def _account_response(request: web.Request) -> web.Response:
    return action_response(request, f"/admin/accounts/{path_id(request)}/")


# Creators.


@staff("viewer")
async def show_creator(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    creator = await load_row(request, "creator_page")
    rows = request.app[ROWS]
    return page(
        request,
        "creator.html",
        creator=creator,
        services=await rows.some(SERVICES, "creator_ids_of_services", creator["id"]),
        service_columns=_OFFERED,
        orders=await rows.some(ORDERS, "creator_ids_of_orders", creator["id"]),
        order_columns=_SOLD,
    )


@staff("operator")
async def set_top(request: web.Request) -> web.Response:
    is_top = await is_checked(request, "is_top")
    await request.app[CREATORS].set_top(actor_of(request), path_id(request), is_top)
    return action_response(request, f"/admin/creators/{path_id(request)}/")


# Files.


@staff("viewer")
async def show_file(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    file = await load_row(request, "file_page")
    if not file["key"]:
        raise NotFound
    return page(request, "file.html", file=file, url=request.app[FILES].private_url(file["key"]), kinds=FILE_KINDS)


ROUTES: tuple[Route, ...] = (
    route("GET", f"/admin/accounts/{ID}/", show_account, "admin.account", documented=False),
    route("POST", f"/admin/accounts/{ID}/block/", block, "admin.block"),
    route("POST", f"/admin/accounts/{ID}/unblock/", unblock, "admin.unblock"),
    route("POST", f"/admin/accounts/{ID}/reset-factors/", reset_factors, "admin.reset-factors"),
    route("POST", f"/admin/accounts/{ID}/role/", set_role, "admin.account-role", documented=False),
    route(
        "POST",
        f"/admin/accounts/{ID}/sessions/{{session:[0-9a-f-]{{36}}}}/end/",
        end_session,
        "admin.session-end",
        documented=False,
    ),
    route("POST", f"/admin/accounts/{ID}/export/", export_data, "admin.account-export", documented=False),
    route("POST", f"/admin/accounts/{ID}/erase/", erase_account, "admin.account-erase", documented=False),
    route("POST", f"/admin/accounts/{ID}/keep/", keep_account, "admin.account-erase-withdraw", documented=False),
    route("POST", f"/admin/accounts/{ID}/phone/", prove_phone, "admin.account-prove-phone", documented=False),
    route("GET", "/admin/staff/", show_staff, "admin.staff", documented=False),
    route("POST", "/admin/staff/", create_staff, "admin.staff", documented=False),
    route("GET", f"/admin/creators/{ID}/", show_creator, "admin.creator", documented=False),
    route("POST", f"/admin/creators/{ID}/top/", set_top, "admin.creator-top", documented=False),
    route("GET", f"/admin/files/{ID}/", show_file, "admin.file", documented=False),
)
