"""Forms of the panel that were refused: the page they are on, shown again with what was typed.

The page is rendered by its own handler, as the browser would ask for it again. What was typed survives a step-up
and a sign-in in between, as a hidden field of their forms.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import orjson
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from mystar.accounts.factors.model import ChallengeUnknown, ProofMissing, SecondFactorRefused
from mystar.accounts.model import LoginRefused
from mystar.errors import Invalid, MystarError, Text
from mystar.kit.web.multipart import form
from mystar.kit.web.refilled_forms import Refusal, has_form, refill

log = logging.getLogger(__name__)

#: The hidden fields of the page that a form is on, of what was typed before a step-up or a sign-in, of the token.
PAGE_FIELD, KEPT_FIELD, TOKEN_FIELD = "form_page", "kept", "form_token"
#: Values that are not shown again.
_SECRET = {TOKEN_FIELD, PAGE_FIELD, KEPT_FIELD, "password", "credential", "challenge", "code"}
_CHECK = Text("Проверьте введённые данные.", "Please check the data you entered.")
#: The fields that errors without fields are about.
_ABOUT: Mapping[type[MystarError], tuple[str, ...]] = {
    LoginRefused: ("login", "password"),
    SecondFactorRefused: ("code",),
    ProofMissing: ("code", "password"),
    ChallengeUnknown: ("code",),
}
_NO_PAGES = ("/admin/sign-in/", "/admin/sign-out/", "/admin/static/", "/admin/language/")


class SentForm(NamedTuple):
    """What a browser has sent. ``page``: path and query of the page with the form. ``html``: "" = it has none."""

    action: str
    values: Mapping[str, Sequence[str]]
    page: str
    html: str


_SENT = web.RequestKey("sent_form", SentForm)
_TYPED = web.RequestKey("typed_before", dict[str, list[str]])


def sent_form(request: web.Request) -> SentForm | None:
    """The form of a refused request, once `keep` has read it."""
    return request.get(_SENT)


def typed_before(request: web.Request) -> Mapping[str, Sequence[str]]:
    """What was typed into a form of the page, which is shown again; {} for a page that a browser asks for.

    Fields are filled in without it. A page needs it whose fields depend on what was typed.
    """
    return request.get(_TYPED) or {}


def is_sent_by_own_page(request: web.Request) -> bool:
    """Whether the browser says that the form is on a page of this site; nothing is shown of others'."""
    return request.headers.get("Sec-Fetch-Site") == "same-origin"


async def keep(request: web.Request, *, has_session: bool = True) -> None:
    """Read the form and the page that it is on, for the answer to a refusal. Never raises."""
    try:
        values = await _values(request)
        page, html = await _page_of(request, values) if has_session else (_own_path(request, values), "")
        request[_SENT] = SentForm(request.path, values, page, html)
    except Exception:
        log.warning("a refused form of %s cannot be shown again", request.path, exc_info=True)


def shown_again(sent: SentForm, error: MystarError, language: str) -> str:
    """The page with what was typed and what is wrong with it; "" if there is no page."""
    return filled(sent.html, sent, error, language) if sent.html else ""


def filled(html: str, sent: SentForm, error: MystarError, language: str) -> str:
    """The page with the form, filled in, and the error beside its fields."""
    message, fields = error.message(language), error.field_messages(language)
    if not fields:
        fields = {name: [message] for kind, names in _ABOUT.items() if isinstance(error, kind) for name in names}
        # Two fields, one of which is wrong: told once, by the form.
        fields = {name: [] if len(fields) > 1 else texts for name, texts in fields.items()}
    elif has_form(html, sent.action) and isinstance(error, Invalid):
        message = _CHECK.in_(language)
    kept = {PAGE_FIELD: sent.page} if sent.page else {}
    return refill(html, Refusal(sent.action, sent.values, message, fields, kept))


def typed(sent: SentForm) -> str:
    """What was typed, for a hidden field; "" if it was nothing."""
    values = {name: list(texts) for name, texts in sent.values.items() if any(texts)}
    return orjson.dumps({"action": sent.action, "values": values}).decode() if values else ""


async def with_typed(request: web.Request, page: str, kept: str, cookies: Mapping[str, str] | None = None) -> str:
    """The page, with the form filled in from what was kept; "" if that is not possible.

    :param cookies: of a session that begins with the answer to this request.
    """
    try:
        found = orjson.loads(kept)
        values = {str(name): [str(one) for one in texts] for name, texts in found["values"].items()}
        html = await _render(request, page, values, cookies)
        refused = Refusal(str(found["action"]), values, kept={PAGE_FIELD: page}, is_wrong=False)
        return refill(html, refused) if html and has_form(html, refused.action) else ""
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError, ValueError):
        return ""


async def _values(request: web.Request) -> dict[str, list[str]]:
    sent = await form(request)
    return {name: [one for one in sent.getall(name) if isinstance(one, str)] for name in sent if name not in _SECRET}


async def _page_of(request: web.Request, values: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The page with the form: as it says itself, as the browser says, or the nearest one above the action."""
    first: tuple[str, str] = ("", "")
    for page in _candidates(request, await _said_page(request)):
        html = await _render(request, page, values)
        if html and has_form(html, request.path):
            return page, html
        if html and not first[1]:
            first = page, html
    return first


async def _said_page(request: web.Request) -> str:
    said = (await form(request)).get(PAGE_FIELD, "")
    return said if isinstance(said, str) else ""


def _own_path(request: web.Request, _: Mapping[str, Sequence[str]]) -> str:
    return next(iter(_candidates(request, "")), "")


def _candidates(request: web.Request, said: str) -> Iterator[str]:
    for text in (said, request.headers.get(hdrs.REFERER, "")):
        page = _path_of(text)
        if page:
            yield page
    parts = request.path.strip("/").split("/")
    for length in range(len(parts), 1, -1):
        yield f"/{'/'.join(parts[:length])}/"


def _path_of(address: str) -> str:
    """Path and query within the panel, without what a page was told by the action before; "" for another address."""
    with suppress(ValueError):
        url = URL(address, encoded=True)
        path = url.raw_path
        if path.startswith("/admin/") and "//" not in path and "\\" not in path and not path.startswith(_NO_PAGES):
            query = url.without_query_params("done", "confirmed").raw_query_string
            return f"{path}?{query}" if query else path
    return ""


async def _render(
    request: web.Request,
    page: str,
    values: Mapping[str, Sequence[str]],
    cookies: Mapping[str, str] | None = None,
) -> str:
    """The page as GET answers it; "" if it does not. ``values``: what `typed_before` tells it."""
    headers = CIMultiDict(request.headers)
    headers.pop(hdrs.AUTHORIZATION, None)
    headers[hdrs.ACCEPT] = "text/html"
    if cookies:
        headers[hdrs.COOKIE] = "; ".join(f"{name}={value}" for name, value in {**request.cookies, **cookies}.items())
    clone = request.clone(method=hdrs.METH_GET, rel_url=URL(page, encoded=True), headers=headers)
    match = await request.app.router.resolve(clone)
    if match.http_exception is not None or hasattr(match.handler, "__streams__"):
        return ""
    clone._match_info = match
    clone[_TYPED] = {name: list(texts) for name, texts in values.items()}
    match.add_app(request.app)
    try:
        response = await match.handler(clone)
    except (MystarError, web.HTTPException):
        return ""
    is_page = isinstance(response, web.Response) and response.status == 200 and response.content_type == "text/html"
    return response.text or "" if is_page and isinstance(response, web.Response) else ""
