"""What the audit log hears at the doors: refusals, which have no transaction, and staff who change something."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from mystar.accounts.access import maybe_actor_of, rule_of
from mystar.accounts.model import LoginRefused, PasswordWrong
from mystar.accounts.oauth.model import SignInRefused
from mystar.audit.keys import AUDIT, RECENT_REFUSALS
from mystar.audit.model import AuditContext
from mystar.audit.service import audit_context
from mystar.errors import Forbidden, MystarError, TooMany
from mystar.kit.web.http import address_of
from mystar.kit.web.routes import route_name

_STAFF_DOOR = "/admin"
_READS = ("GET", "HEAD", "OPTIONS")
#: Of one refusal that is repeated, one a minute is written: nobody fills the log by knocking.
_ONCE_IN_SECONDS = 60.0
_REMEMBERED = 10_000


class RecentRefusals:
    """When something was last written, the longest ago first. Of this process: the log is the same for all."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[object, ...], float] = OrderedDict()

    def is_new(self, key: tuple[object, ...]) -> bool:
        now = time.monotonic()
        if now - self._last.get(key, -_ONCE_IN_SECONDS) < _ONCE_IN_SECONDS:
            return False
        self._last[key] = now
        self._last.move_to_end(key)
        while len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        return True


@web.middleware
async def audit_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything that is written under this request says where it came from and who asked."""
    context = AuditContext(address_of(request), lambda: _actor_id(request))
    async with audit_context(context):
        try:
            response = await handler(request)
        except MystarError as refusal:
            await _note_refusal(request, refusal)
            raise
        except web.HTTPException as answer:
            if answer.status < 400:
                await _note_staff_act(request, context, answer.status)
            raise
        if response.status < 400:
            await _note_staff_act(request, context, response.status)
        return response


async def _note_refusal(request: web.Request, refusal: MystarError) -> None:
    audit, route = request.app[AUDIT], route_name(request)
    match refusal:
        case LoginRefused():
            subject = f"account:{refusal.account_id}" if refusal.account_id else ""
            await audit.note_alone("sign_in_refused", subject, route=route)
        case SignInRefused():
            await audit.note_alone("sign_in_refused", route=route, code=refusal.code)
        case PasswordWrong():
            await audit.note_alone("password_refused", _oneself(request), route=route)
        case TooMany():
            if _is_new(request, refusal):
                await audit.note_alone("limit_hit", _oneself(request), route=route)
        case Forbidden() if _is_staff_door(request) or _is_staff(request):
            if _is_new(request, refusal):
                await audit.note_alone("refused", _oneself(request), route=route, code=refusal.code)


async def _note_staff_act(request: web.Request, context: AuditContext, status: int) -> None:
    """A change that no event told of. What a person with a role does for themselves, as a customer, is none."""
    if context.written or request.method in _READS or not (_is_staff_door(request) and _is_staff(request)):
        return
    path: dict[str, Any] = {name: value[:60] for name, value in request.match_info.items()}
    await request.app[AUDIT].note_alone("staff_act", route=route_name(request), status=status, **path)


def _is_staff_door(request: web.Request) -> bool:
    return rule_of(request) == "staff" or request.path == _STAFF_DOOR or request.path.startswith(_STAFF_DOOR + "/")


def _is_staff(request: web.Request) -> bool:
    actor = maybe_actor_of(request)
    return actor is not None and actor.is_staff


def _actor_id(request: web.Request) -> int | None:
    actor = maybe_actor_of(request)
    return actor.id if actor else None


def _oneself(request: web.Request) -> str:
    account_id = _actor_id(request)
    return f"account:{account_id}" if account_id else ""


def _is_new(request: web.Request, refusal: MystarError) -> bool:
    key = (route_name(request), address_of(request), _actor_id(request), refusal.code)
    return request.app[RECENT_REFUSALS].is_new(key)
