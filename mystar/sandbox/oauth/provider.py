"""What the doubles of the sign-in providers share: people to be, a page to choose one, codes that become tokens.

A provider's rules are its own module's business: how it is asked, what it checks and in which words it answers.
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

from mystar.sandbox.pages import FAULTS, page, read_form
from mystar.sandbox.yookassa.api import before_work, is_web_address

SECRET_KEY = "sandbox-secret-key"
CODE_LIVES = timedelta(minutes=10)
#: What is remembered at once; the oldest is forgotten first.
REMEMBERED = 10_000

Clock = Callable[[], datetime]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refused(Exception):
    """A provider's no: its code and its words."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error, description)
        self.error, self.description = error, description


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with accounts everywhere; an empty text stands for what they have not told."""

    login: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    birthday: str = ""

    @property
    def number(self) -> int:
        """The id at every provider, the same after a restart."""
        return 100_000_000 + zlib.crc32(self.login.encode())

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.login


CAST = (
    Person("olga.demo", "Ольга", "Светлова", "olga.demo@example.com", "1990-04-12"),
    Person("max.demo", "Максим", "Рощин", "max.demo@example.com", "1985-11-30"),
    Person("silent.demo", "Тихон", "", "", ""),
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who let which client in, and with what it asked."""

    client_id: str
    person: Person
    asked: Mapping[str, str]
    given_at: datetime


class Desk:
    """Codes and tokens of one provider. ``clients``: secrets by id, "" for a client that has none."""

    def __init__(self, clients: Mapping[str, str], clock: Clock) -> None:
        self.clients, self._clock = clients, clock
        self._codes: dict[str, Ticket] = {}
        self._tokens: dict[str, Ticket] = {}

    def admit(self, client_id: str, person: Person, asked: Mapping[str, str]) -> Ticket:
        return Ticket(client_id, person, asked, self._clock())

    def code(self, ticket: Ticket) -> str:
        return _keep(self._codes, ticket, 16)

    def token(self, ticket: Ticket) -> str:
        return _keep(self._tokens, ticket, 32)

    def redeem(self, form: Mapping[str, str]) -> Ticket:
        """The code's ticket, once. Raises Refused: unknown, used, old, another client's, for another address."""
        ticket = self._codes.pop(form.get("code", ""), None)
        if ticket is None or self._clock() - ticket.given_at > CODE_LIVES:
            raise Refused("invalid_grant", "Code is invalid or expired")
        if ticket.client_id != form.get("client_id"):
            raise Refused("invalid_grant", "Code was issued for another client")
        if ticket.asked.get("redirect_uri", "") != form.get("redirect_uri", ""):
            raise Refused("invalid_grant", "redirect_uri does not match")
        expected = ticket.asked.get("code_challenge")
        if expected and expected != challenge(form.get("code_verifier", "")):
            raise Refused("invalid_grant", "code_verifier does not match")
        return ticket

    def holder(self, token: str) -> Ticket | None:
        return self._tokens.get(token)


def _keep(shelf: dict[str, Ticket], ticket: Ticket, size: int) -> str:
    name = secrets.token_urlsafe(size)
    shelf[name] = ticket
    while len(shelf) > REMEMBERED:
        del shelf[next(iter(shelf))]
    return name


class Double(ABC):
    """One provider. A subclass names its addresses, and answers what only it answers."""

    key: ClassVar[str]
    title: ClassVar[tuple[str, str]]
    authorize_path: ClassVar[str]
    response_types: ClassVar[tuple[str, ...]] = ("code",)
    #: Parameters that the page is not shown without.
    required: ClassVar[tuple[str, ...]] = ("client_id",)

    def __init__(self, clients: Mapping[str, str], clock: Clock) -> None:
        self.desk = Desk(clients, clock)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(self.authorize_path, self.show_people)
        app.router.add_post(self.authorize_path, self.choose)
        for method, path, handler in self.endpoints():
            app.router.add_route(method, path, _answering(handler))

    @abstractmethod
    def endpoints(self) -> list[tuple[str, str, Handler]]:
        """What programs call: method, path, handler."""

    # the page

    async def show_people(self, request: web.Request) -> web.StreamResponse:
        if trouble := await before_work(request, request.app[FAULTS]):
            return trouble
        wrong = self._wrong(request.query)
        return page(request, "sign_in.html", status=400 if wrong else 200, title=self.title, people=CAST, wrong=wrong)

    async def choose(self, request: web.Request) -> web.StreamResponse:
        """Somebody pressed a button: back to the client, with a code or without."""
        if trouble := await before_work(request, request.app[FAULTS]):
            return trouble
        asked, form = dict(request.query), await read_form(request)
        person = _person({name: value for name, value in form.items() if isinstance(value, str)})
        wrong = self._wrong(request.query) or (None if person or "deny" in form else "login")
        if wrong:
            return page(request, "sign_in.html", status=400, title=self.title, people=CAST, wrong=wrong)
        back, state = URL(asked["redirect_uri"]), {"state": asked["state"]} if "state" in asked else {}
        if person is None:
            denied = {"error": "access_denied", "error_description": "User denied access"}
            return _redirect(back.update_query(denied | state))
        ticket = self.desk.admit(asked["client_id"], person, asked)
        if asked.get("response_type", "code") == "token":
            said = {key: str(value) for key, value in self.granted(ticket).items() if key != "refresh_token"}
            return _redirect(back.with_fragment(URL.build(query=said | state).query_string))
        return _redirect(back.update_query({"code": self.desk.code(ticket), **state, **self.beside_the_code()}))

    def beside_the_code(self) -> dict[str, str]:
        """What the provider adds to the address that it sends the browser back to."""
        return {}

    @abstractmethod
    def granted(self, ticket: Ticket) -> dict[str, Any]:
        """The answer to a good exchange."""

    def _wrong(self, query: Mapping[str, str]) -> str | None:
        """The parameter without which, or with which, no provider would show a person to a client."""
        missing = next((name for name in self.required if not query.get(name)), None)
        if missing:
            return missing
        if query["client_id"] not in self.desk.clients:
            return "client_id"
        if not is_web_address(query.get("redirect_uri", "")):
            return "redirect_uri"
        if query.get("code_challenge") and query.get("code_challenge_method", "").upper() != "S256":
            return "code_challenge_method"
        return None if query.get("response_type", "code") in self.response_types else "response_type"

    def check_client(self, form: Mapping[str, str]) -> None:
        """Raises Refused: no such client, or not its secret."""
        secret = self.desk.clients.get(form.get("client_id", ""))
        if secret is None or not secrets.compare_digest(secret.encode(), form.get("client_secret", "").encode()):
            raise Refused("invalid_client", "Client authentication failed")


def _answering(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        if trouble := await before_work(request, request.app[FAULTS]):
            return trouble
        return await handler(request)

    return answer


async def form_of(request: web.Request) -> dict[str, str]:
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


def _person(form: Mapping[str, str]) -> Person | None:
    """One of the cast, or whoever was typed in."""
    if "deny" in form:
        return None
    if chosen := next((person for person in CAST if person.login == form.get("person")), None):
        return chosen
    login = form.get("login", "").strip()[:100]
    fields = ("first_name", "last_name", "email", "birthday")
    return Person(login, *(form.get(name, "").strip()[:200] for name in fields)) if login else None


def _redirect(url: URL) -> web.Response:
    return web.Response(status=302, headers={"Location": str(url), "Cache-Control": "no-store"})
