"""Market endpoints of accounts (docs/dialects/market.md): registration, tokens, sessions, passwords."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, querystring_schema, response_schema

from mystar.accounts.access import actor_of, client_info, login_required, session_response, token_response, unlimited
from mystar.accounts.keys import ACCOUNTS, CONTACTS, PASSWORDS
from mystar.accounts.model import AccountDraft, ConfirmLinkUnknown
from mystar.accounts.schemas import (
    CREATOR,
    AccessView,
    AcknowledgementView,
    EmailDraft,
    MailedTokenDraft,
    Nothing,
    PasswordChange,
    RefreshDraft,
    RegisteredView,
    SessionPath,
    SessionView,
    TokenDraft,
    TokenPair,
    TokenQuestion,
    UserDraft,
)
from mystar.errors import Text
from mystar.kit.web.http import html_response, json_response, language_of, wants_page
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import PageQuery, page_of, page_request, page_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.site import SITE
from mystar.kit.web.templates import render_page
from mystar.kit.web.validation import body_of, path_of, query_of

#: Literally what the document prints.
CONFIRMED = "Email успешно подтвержден"
_ASKED = Text(
    "Если этот адрес ещё не подтверждён, письмо уже в пути.",
    "If this address is not confirmed yet, a mail is on its way.",
)

_UNDONE = Text(
    "Изменение отменено. Письмо со ссылкой для нового пароля уже в пути.",
    "The change is undone. A mail with a link that sets a new password is on its way.",
)


@docs(tags=["market: people"], summary="Register; a link to confirm the e-mail is mailed")
@json_schema(UserDraft)
@response_schema(RegisteredView, 201)
@idempotent
async def register(request: web.Request) -> web.StreamResponse:
    body = body_of(request)
    draft = AccountDraft(
        body["username"],
        body["email"],
        body["phone"],
        first_name=body["first_name"],
        last_name=body["last_name"],
    )
    account = await request.app[ACCOUNTS].register(
        client_info(request), draft, body["password"], as_creator=body["user_type"] in ("creator", CREATOR)
    )
    return json_response(RegisteredView().dump(account), 201)


@docs(tags=["market: people"], summary="Confirm an e-mail with the mailed token")
@json_schema(MailedTokenDraft)
@response_schema(AcknowledgementView, 200)
@idempotent
async def verify_email(request: web.Request) -> web.StreamResponse:
    await request.app[ACCOUNTS].confirm_email(body_of(request)["token"], client_info(request), None)
    return json_response({"message": CONFIRMED})


@docs(
    tags=["market: people"],
    summary="Confirm an e-mail by its mailed link",
    responses={
        200: {
            "description": "Confirmed; a browser gets a page",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/AcknowledgementView"}},
                "text/html": {"schema": {"type": "string"}},
            },
        }
    },
)
@querystring_schema(MailedTokenDraft)
async def follow_link(request: web.Request) -> web.Response:
    if request.method == "HEAD":  # a mail program that checks the link
        return web.Response()
    confirmed = await request.app[ACCOUNTS].confirm_email(query_of(request)["token"], client_info(request), None)
    if wants_page(request):
        back, username = request.app[SITE].link("market", "home"), confirmed.account.username
        page = render_page("confirmed.html", language_of(request), back=back, username=username, is_market=True)
        return html_response(page)
    return json_response({"message": CONFIRMED})


@docs(
    tags=["market: people"],
    summary="Mail the confirmation link again; the answer does not tell whether the account exists",
)
@json_schema(EmailDraft)
@response_schema(AcknowledgementView, 200)
@idempotent
async def resend_link(request: web.Request) -> web.StreamResponse:
    await request.app[ACCOUNTS].ask_confirmation(body_of(request)["email"], client_info(request))
    return json_response({"message": _ASKED.in_(language_of(request))})


@docs(tags=["market: people"], summary="Log in by user name, e-mail or phone")
@json_schema(TokenDraft)
@response_schema(TokenPair, 200)
async def log_in(request: web.Request) -> web.Response:
    body = body_of(request)
    session = await request.app[ACCOUNTS].log_in(client_info(request), "market", body["username"], body["password"])
    return session_response(request, session, {"access": session.access, "refresh": session.refresh})


@docs(
    tags=["market: people"],
    summary="Exchange a refresh token for a new access token",
    description="With `rotate` the refresh token is exchanged, too. An exchanged one may be repeated for half a minute,"
    " and until its successor is used; after that its session ends.",
)
@json_schema(RefreshDraft)
@response_schema(AccessView, 200)
async def refresh(request: web.Request) -> web.Response:
    body = body_of(request)
    refreshed = await request.app[ACCOUNTS].refresh(body["refresh"], rotate=body["rotate"])
    view: dict[str, Any] = {"access": refreshed.access}
    if refreshed.refresh:
        view["refresh"] = refreshed.refresh
    return token_response(view)


@unlimited("reads")
@docs(tags=["market: people"], summary="Check an access token: 200 or 401")
@json_schema(TokenQuestion)
@response_schema(Nothing, 200)
async def verify_token(request: web.Request) -> web.Response:
    await request.app[ACCOUNTS].authenticate(body_of(request)["token"])
    return json_response({})


@docs(tags=["market: people"], summary="End this session", responses={204: {"description": "Ended"}})
@login_required
async def log_out(request: web.Request) -> web.Response:
    await request.app[ACCOUNTS].log_out(actor_of(request))
    return web.Response(status=204)


@docs(
    tags=["market: people"],
    summary="Change the password; ends all sessions",
    responses={204: {"description": "Changed"}},
)
@login_required
@json_schema(PasswordChange)
async def change_password(request: web.Request) -> web.Response:
    body = body_of(request)
    await request.app[PASSWORDS].change_password(actor_of(request), body["old_password"], body["new_password"])
    return web.Response(status=204)


@docs(
    tags=["market: people"],
    summary="Show the page that undoes a change of e-mail or phone",
    responses={200: {"description": "The page", "content": {"text/html": {"schema": {"type": "string"}}}}},
)
@querystring_schema(MailedTokenDraft)
async def show_undo(request: web.Request) -> web.Response:
    token = query_of(request)["token"]
    if not await request.app[CONTACTS].is_known(token):
        raise ConfirmLinkUnknown
    return html_response(render_page("undo_change.html", language_of(request), token=token, is_done=False))


@docs(
    tags=["market: people"],
    summary="Undo a change of e-mail or phone by its mailed link",
    description="Sessions, linked sign-ins and the password end; a link that sets a new password is mailed.",
)
@json_schema(MailedTokenDraft)
@response_schema(AcknowledgementView, 200)
@idempotent
async def undo_change(request: web.Request) -> web.StreamResponse:
    await request.app[CONTACTS].undo(body_of(request)["token"])
    language = language_of(request)
    if wants_page(request):
        return html_response(render_page("undo_change.html", language, token="", is_done=True))
    return json_response({"message": _UNDONE.in_(language)})


@docs(tags=["market: people"], summary="List sessions, newest first")
@login_required
@querystring_schema(PageQuery)
@response_schema(page_of(SessionView), 200)
async def list_sessions(request: web.Request) -> web.Response:
    actor = actor_of(request)
    page = await request.app[ACCOUNTS].sessions(actor, page_request(request))
    views = SessionView(many=True, exclude=["is_current"]).dump(page.rows)
    return page_response(
        request, [{**view, "is_current": view["id"] == str(actor.session_id)} for view in views], page.count
    )


@docs(tags=["market: people"], summary="End a session", responses={204: {"description": "Ended"}})
@login_required
@match_info_schema(SessionPath)
async def end_session(request: web.Request) -> web.Response:
    await request.app[ACCOUNTS].end_session(actor_of(request), path_of(request)["sid"])
    return web.Response(status=204)


_SESSIONS = route("GET", "/api/v1/users/me/sessions/", list_sessions, "market.sessions")
_SESSION = route("DELETE", "/api/v1/users/me/sessions/{sid}/", end_session, "market.session")
ROUTES: tuple[Route, ...] = (
    route("POST", "/api/auth/register/", register, "market.register"),
    route("POST", "/api/auth/verify-email/", verify_email, "market.verify-email"),
    route("GET", "/api/auth/verify-email/", follow_link, "market.verify-email"),
    route("POST", "/api/auth/verify-email/resend/", resend_link, "market.verify-email-resend"),
    route("POST", "/api/auth/token/", log_in, "market.token"),
    route("POST", "/api/auth/token/refresh/", refresh, "market.token-refresh"),
    route("POST", "/api/auth/token/verify/", verify_token, "market.token-verify"),
    route("POST", "/api/auth/logout/", log_out, "market.logout"),
    route("POST", "/api/auth/password/change/", change_password, "market.password-change"),
    route("GET", "/api/auth/undo-change/", show_undo, "market.undo-change"),
    route("POST", "/api/auth/undo-change/", undo_change, "market.undo-change"),
    _SESSIONS,
    _SESSION,
    alias("/api/users/me/sessions/", _SESSIONS),
    alias("/api/users/me/sessions/{sid}/", _SESSION),
)
