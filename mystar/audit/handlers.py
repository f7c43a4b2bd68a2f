"""The audit middleware: writes refusals, which have no transaction, and changes made by staff."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from mystar.accounts.access import maybe_actor_of, rule_of
from mystar.accounts.factors.model import SecondFactorRefused, SecondFactorRequired
from mystar.accounts.model import LoginRefused, PasswordWrong, ReauthenticationFailed
from mystar.accounts.oauth.model import SignInRefused
from mystar.audit.keys import AUDIT, RECENT_REFUSALS
from mystar.audit.model import AuditContext
from mystar.audit.service import audit_context
from mystar.errors import Forbidden, MystarError, TooMany
from mystar.kit.web.http import address_of
from mystar.kit.web.routes import route_name

_STAFF_PATH = "/admin"
_READS = ("GET", "HEAD", "OPTIONS")
#: A repeated refusal is written once a minute, so that requests cannot fill the log.
_INTERVAL_SECONDS = 60.0
_MAX_KEYS = 10_000


class RecentRefusals:
    """When a refusal was last written, oldest first; in the memory of one process."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[object, ...], float] = OrderedDict()

    def is_new(self, key: tuple[object, ...]) -> bool:
        now = time.monotonic()
        if now - self._last.get(key, -_INTERVAL_SECONDS) < _INTERVAL_SECONDS:
            return False
        self._last[key] = now
        self._last.move_to_end(key)
        while len(self._last) > _MAX_KEYS:
            self._last.popitem(last=False)
        return True


@web.middleware
async def audit_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every entry written during the request its address and actor; write refusals and changes by staff."""
    context = AuditContext(address_of(request), lambda: _actor_id(request))
    async with audit_context(context):
        try:
            response = await handler(request)
        except MystarError as refusal:
            await _record_refusal(request, refusal)
            raise
        except web.HTTPException as answer:
            if answer.status < 400:
                await _record_staff_action(request, context, answer.status)
            raise
        if response.status < 400:
            await _record_staff_action(request, context, response.status)
        return response


async def _record_refusal(request: web.Request, refusal: MystarError) -> None:
    audit, route = request.app[AUDIT], route_name(request)
    match refusal:
        case LoginRefused():
            subject = f"account:{refusal.account_id}" if refusal.account_id else ""
            await audit.record_separately("sign_in_refused", subject, route=route)
        case SignInRefused():
            await audit.record_separately("sign_in_refused", route=route, code=refusal.code)
        case SecondFactorRefused():
            subject = f"account:{refusal.account_id}" if refusal.account_id else ""
            await audit.record_separately("second_factor_refused", subject, route=route)
        case SecondFactorRequired():
            pass  # The sign-in goes on.
        case PasswordWrong() | ReauthenticationFailed():
            await audit.record_separately("password_refused", _actor_subject(request), route=route)
        case TooMany():
            if _is_new(request, refusal):
                await audit.record_separately("limit_hit", _actor_subject(request), route=route)
        case Forbidden() if _is_staff_address(request) or _is_staff(request):
            if _is_new(request, refusal):
                await audit.record_separately("refused", _actor_subject(request), route=route, code=refusal.code)


async def _record_staff_action(request: web.Request, context: AuditContext, status: int) -> None:
    """A change by staff that published no event. What staff do as customers is not written."""
    if context.written or request.method in _READS or not (_is_staff_address(request) and _is_staff(request)):
        return
    path: dict[str, Any] = {name: value[:60] for name, value in request.match_info.items()}
    await request.app[AUDIT].record_separately("staff_act", route=route_name(request), status=status, **path)


def _is_staff_address(request: web.Request) -> bool:
    return rule_of(request) == "staff" or request.path == _STAFF_PATH or request.path.startswith(_STAFF_PATH + "/")


def _is_staff(request: web.Request) -> bool:
    actor = maybe_actor_of(request)
    return actor is not None and actor.is_staff


def _actor_id(request: web.Request) -> int | None:
    actor = maybe_actor_of(request)
    return actor.id if actor else None


def _actor_subject(request: web.Request) -> str:
    account_id = _actor_id(request)
    return f"account:{account_id}" if account_id else ""


def _is_new(request: web.Request, refusal: MystarError) -> bool:
    key = (route_name(request), address_of(request), _actor_id(request), refusal.code)
    return request.app[RECENT_REFUSALS].is_new(key)
