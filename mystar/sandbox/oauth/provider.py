"""What the doubles of the sign-in providers share: accounts, a page to choose one, codes that become tokens.

A provider's own module holds its rules: its addresses, its checks and the shape of its answers.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import zlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from aiohttp import BasicAuth, web
from yarl import URL

from mystar.sandbox.http_faults import before_work
from mystar.sandbox.pages import FAULTS, Clock, page, read_form
from mystar.sandbox.yookassa.fields import is_web_address

SECRET_KEY = "sandbox-secret-key"
CODE_LIFETIME = timedelta(minutes=10)
#: Codes and tokens kept at once; the oldest is dropped first.
CAPACITY = 10_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """The provider refuses: its error code and description."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error, description)
        self.error, self.description = error, description


@dataclass(frozen=True, slots=True)
class Account:
    """The same account at every provider; an empty text stands for what is not set."""

    login: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    birthday: str = ""
    phone: str = ""

    @property
    def number(self) -> int:
        """The id at every provider, the same after a restart."""
        return 100_000_000 + zlib.crc32(self.login.encode())

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.login


ACCOUNTS = (
    Account("olga.demo", "Ольга", "Светлова", "olga.demo@example.com", "1990-04-12"),
    Account("max.demo", "Максим", "Рощин", "max.demo@example.com", "1985-11-30"),
    Account("silent.demo", "Тихон", "", "", ""),
)


@dataclass(frozen=True, slots=True)
class Grant:
    """An account's consent to a client, with the parameters of the client's request."""

    client_id: str
    account: Account
    parameters: Mapping[str, str]
    issued_at: datetime


class TokenStore:
    """Codes and tokens of one provider. ``clients``: secrets by id, "" for a client that has none."""

    def __init__(self, clients: Mapping[str, str], clock: Clock) -> None:
        self.clients, self._clock = clients, clock
        self._codes: dict[str, Grant] = {}
        self._tokens: dict[str, Grant] = {}

    def grant_to(self, client_id: str, account: Account, parameters: Mapping[str, str]) -> Grant:
        return Grant(client_id, account, parameters, self._clock())

    def issue_code(self, grant: Grant) -> str:
        return _add(self._codes, grant, 16)

    def issue_token(self, grant: Grant) -> str:
        return _add(self._tokens, grant, 32)

    def redeem(self, form: Mapping[str, str]) -> Grant:
        """The code's grant, once. Raises Refused: unknown, used, old, another client's, for another address."""
        grant = self._codes.pop(form.get("code", ""), None)
        if grant is None or self._clock() - grant.issued_at > CODE_LIFETIME:
            raise Refused("invalid_grant", "Code is invalid or expired")
        if grant.client_id != form.get("client_id"):
            raise Refused("invalid_grant", "Code was issued for another client")
        if grant.parameters.get("redirect_uri", "") != form.get("redirect_uri", ""):
            raise Refused("invalid_grant", "redirect_uri does not match")
        expected = grant.parameters.get("code_challenge")
        if expected and expected != challenge(form.get("code_verifier", "")):
            raise Refused("invalid_grant", "code_verifier does not match")
        return grant

    def find(self, token: str) -> Grant | None:
        return self._tokens.get(token)


def _add(table: dict[str, Grant], grant: Grant, size: int) -> str:
    name = secrets.token_urlsafe(size)
    table[name] = grant
    while len(table) > CAPACITY:
        del table[next(iter(table))]
    return name


class ProviderDouble(ABC):
    """One provider. A subclass names its addresses and adds its own endpoints."""

    key: ClassVar[str]
    title: ClassVar[tuple[str, str]]
    authorize_path: ClassVar[str]
    response_types: ClassVar[tuple[str, ...]] = ("code",)
    #: Parameters that the page is not shown without.
    required: ClassVar[tuple[str, ...]] = ("client_id",)

    def __init__(self, clients: Mapping[str, str], clock: Clock) -> None:
        self.tokens = TokenStore(clients, clock)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(self.authorize_path, self.show_accounts)
        app.router.add_post(self.authorize_path, self.choose)
        for method, path, handler in self.endpoints():
            app.router.add_route(method, path, _with_faults(handler))

    @abstractmethod
    def endpoints(self) -> list[tuple[str, str, Handler]]:
        """The endpoints for programs: method, path, handler."""

    # the page

    async def show_accounts(self, request: web.Request) -> web.StreamResponse:
        if failure := await before_work(request, request.app[FAULTS]):
            return failure
        wrong = self._invalid_parameter(request.query)
        status = 400 if wrong else 200
        return page(request, "sign_in.html", status=status, title=self.title, accounts=ACCOUNTS, wrong=wrong)

    async def choose(self, request: web.Request) -> web.StreamResponse:
        """Redirect back to the client: with a code, or with an error when access was denied."""
        if failure := await before_work(request, request.app[FAULTS]):
            return failure
        parameters, form = dict(request.query), await read_form(request)
        account = _chosen_account({name: value for name, value in form.items() if isinstance(value, str)})
        wrong = self._invalid_parameter(request.query) or (None if account or "deny" in form else "login")
        if wrong:
            return page(request, "sign_in.html", status=400, title=self.title, accounts=ACCOUNTS, wrong=wrong)
        back, state = URL(parameters["redirect_uri"]), {"state": parameters["state"]} if "state" in parameters else {}
        if account is None:
            denied = {"error": "access_denied", "error_description": "User denied access"}
            return _redirect(back.update_query(denied | state))
        grant = self.tokens.grant_to(parameters["client_id"], account, parameters)
        if parameters.get("response_type", "code") == "token":
            answer = {key: str(value) for key, value in self.token_response(grant).items() if key != "refresh_token"}
            return _redirect(back.with_fragment(URL.build(query=answer | state).query_string))
        code = {"code": self.tokens.issue_code(grant)}
        return _redirect(back.update_query(code | state | self.redirect_parameters()))

    def redirect_parameters(self) -> dict[str, str]:
        """What the provider adds to the address that it sends the browser back to."""
        return {}

    @abstractmethod
    def token_response(self, grant: Grant) -> dict[str, Any]:
        """The answer to a successful exchange of a code."""

    def _invalid_parameter(self, query: Mapping[str, str]) -> str | None:
        """The parameter that is missing or wrong, so that no provider would show its page."""
        missing = next((name for name in self.required if not query.get(name)), None)
        if missing:
            return missing
        if query["client_id"] not in self.tokens.clients:
            return "client_id"
        if not is_web_address(query.get("redirect_uri", "")):
            return "redirect_uri"
        if query.get("code_challenge") and query.get("code_challenge_method", "").upper() != "S256":
            return "code_challenge_method"
        return None if query.get("response_type", "code") in self.response_types else "response_type"

    def check_client(self, form: Mapping[str, str]) -> None:
        """Raises Refused: no such client, or not its secret."""
        secret = self.tokens.clients.get(form.get("client_id", ""))
        if secret is None or not secrets.compare_digest(secret.encode(), form.get("client_secret", "").encode()):
            raise Refused("invalid_client", "Client authentication failed")


def _with_faults(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        if failure := await before_work(request, request.app[FAULTS]):
            return failure
        return await handler(request)

    return answer


async def read_parameters(request: web.Request) -> dict[str, str]:
    """The form, with the client of HTTP Basic in it; of a GET the query."""
    values = request.query if request.method == "GET" else await read_form(request)
    form = {name: value for name, value in values.items() if isinstance(value, str)}
    if request.headers.get("Authorization", "").lower().startswith("basic "):
        try:
            client = BasicAuth.decode(request.headers["Authorization"])
        except ValueError:
            return form
        form |= {"client_id": client.login, "client_secret": client.password}
    return form


def challenge(verifier: str) -> str:
    """S256 of RFC 7636."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _chosen_account(form: Mapping[str, str]) -> Account | None:
    """One of the listed accounts, or the one that was typed in."""
    if "deny" in form:
        return None
    if chosen := next((account for account in ACCOUNTS if account.login == form.get("person")), None):
        return chosen
    login = form.get("login", "").strip()[:100]
    fields = ("first_name", "last_name", "email", "birthday", "phone")
    return Account(login, *(form.get(name, "").strip()[:200] for name in fields)) if login else None


def _redirect(url: URL) -> web.Response:
    return web.Response(status=302, headers={"Location": str(url), "Cache-Control": "no-store"})
