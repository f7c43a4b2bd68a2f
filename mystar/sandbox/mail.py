"""One mailbox for all recipients: the last thousand mails, as pages and as JSON."""

import html.parser
import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from itertools import islice
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import Envelope

from mystar.sandbox.pages import CONTENTS, Clock, json, json_error, nothing_here, number_up_to, page

CAPACITY = 1000
SHOWN_ON_PAGE = 100
LINK = re.compile(r"https?://[^\s<>\"'«»]+")

Mail = dict[str, Any]


@dataclass(frozen=True)
class _Received:
    """A mail as it came; it is read when it is asked for, as most are not."""

    number: int
    sender: str
    recipients: list[str]
    content: bytes
    received_at: datetime

    @cached_property
    def mail(self) -> Mail:
        return read_mail(self.content, self.number, self.sender, self.recipients, self.received_at)


class Mailbox:
    """Newest last. Numbers continue after the mailbox is cleared, so a number never means two mails."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mails: deque[_Received] = deque(maxlen=CAPACITY)
        self._number = 0

    def store(self, envelope: Envelope) -> None:
        recipients = list(map(str, envelope.rcpt_tos))
        self._keep(envelope.mail_from or "", recipients, envelope.original_content or b"")

    def deliver(self, sender: str, recipient: str, subject: str, text: str) -> None:
        """Store a mail that one of the doubles sends."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, recipient, subject
        message.set_content(text)
        self._keep(sender, [recipient], message.as_bytes())

    def search(self, words: str) -> list[Mail]:
        """Mails with every word in an address, the subject or the text, newest first; case is ignored."""
        wanted = words.casefold().split()
        mails = (one.mail for one in reversed(self._mails))
        return [mail for mail in mails if all(word in _searched(mail) for word in wanted)]

    def newest(self, *, to: str = "", subject: str = "", limit: int = CAPACITY) -> list[Mail]:
        """`to` is a whole address, `subject` a part of the subject; both ignore case."""
        found = (
            one.mail
            for one in reversed(self._mails)
            if (not to or to.lower() in map(str.lower, one.recipients))
            and subject.lower() in one.mail["subject"].lower()
        )
        return list(islice(found, limit))

    def get(self, number: int) -> Mail | None:
        return next((one.mail for one in self._mails if one.number == number), None)

    def clear(self) -> None:
        self._mails.clear()

    def _keep(self, sender: str, recipients: list[str], content: bytes) -> None:
        self._number += 1
        self._mails.append(_Received(self._number, sender, recipients, content, self._clock()))


def _searched(mail: Mail) -> str:
    return "\n".join([mail["from"], *mail["to"], mail["subject"], mail["text"]]).casefold()


MAILBOX = web.AppKey("mailbox", Mailbox)


def add_to(app: web.Application, *, clock: Clock) -> None:
    app[MAILBOX] = Mailbox(clock)
    app.add_routes(ROUTES)
    app[CONTENTS].extend([("/mail/", "Почта", "Mail"), ("/mail.json", "Почта в JSON", "Mail as JSON")])


def read_mail(content: bytes, number: int, sender: str, recipients: list[str], received_at: datetime) -> Mail:
    """A mail as JSON shows it; `from` and `to` are the envelope's, so Bcc is seen too."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    headers: dict[str, str] = {}
    first: dict[str, str] = {}
    for name, written in message.raw_items():
        value = _header(name, written)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
        first.setdefault(name.lower(), value)
    text, markup = _part(message, "plain"), _part(message, "html")
    return {
        "id": number,
        "from": sender,
        "to": recipients,
        "subject": first.get("subject", ""),
        "text": text,
        "html": markup,
        "links": _links(text, markup),
        "received_at": received_at.astimezone(UTC).isoformat(),
        "message_id": first.get("message-id", "").strip(),
        "headers": headers,
    }


#: What Python's parser raises for some malformed headers, and for charsets that it does not know.
_MALFORMED = (LookupError, ValueError, AttributeError, TypeError)


def _header(name: str, written: str) -> str:
    """As its reader sees it; a malformed one as it was written."""
    try:
        return str(policy.default.header_fetch_parse(name, written))
    except _MALFORMED:
        return written.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _part(message: EmailMessage, kind: str) -> str:
    part = None
    try:
        part = message.get_body((kind,))
        return str(part.get_content()).replace("\r\n", "\n") if part else ""
    except _MALFORMED:
        # Show what can be decoded.
        return bytes(part.get_payload(decode=True) or b"").decode("utf-8", "replace") if part else ""


def _links(text: str, markup: str) -> list[str]:
    """Web addresses of both parts, in order, each once."""
    collector = _Anchors()
    collector.feed(markup)
    in_text = (link.rstrip(".,;:!?)") for link in LINK.findall(text))
    return list(dict.fromkeys([*in_text, *collector.links]))


class _Anchors(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href") if tag == "a" else None
        if address and LINK.fullmatch(address.strip()):
            self.links.append(address.strip())


async def list_as_json(request: web.Request) -> web.Response:
    limit = number_up_to(CAPACITY, request.query.get("limit", str(CAPACITY)))
    if limit is None:
        return json_error(400, f"limit must be between 1 and {CAPACITY}")
    found = request.app[MAILBOX].newest(
        to=request.query.get("to", ""), subject=request.query.get("subject", ""), limit=limit
    )
    return json(found)


async def show_as_json(request: web.Request) -> web.Response:
    mail = request.app[MAILBOX].get(int(request.match_info["id"]))
    return json(mail) if mail else json_error(404, "no such mail")


async def clear_mailbox(request: web.Request) -> web.Response:
    request.app[MAILBOX].clear()
    return web.Response(status=204)


async def list_on_page(request: web.Request) -> web.Response:
    words, box = request.query.get("search", ""), request.app[MAILBOX]
    found = box.search(words) if words else box.newest(to=request.query.get("to", ""))
    return page(request, "mails.html", mails=found[:SHOWN_ON_PAGE], count=len(found), words=words)


async def show_on_page(request: web.Request) -> web.Response:
    mail = request.app[MAILBOX].get(int(request.match_info["id"]))
    return page(request, "mail.html", mail=mail) if mail else nothing_here(request)


ROUTES = (
    web.get("/mail.json", list_as_json),
    web.delete("/mail.json", clear_mailbox),
    web.get(r"/mail/{id:[0-9]{1,9}}.json", show_as_json),
    web.get("/mail/", list_on_page),
    web.get(r"/mail/{id:[0-9]{1,9}}/", show_on_page),
)
