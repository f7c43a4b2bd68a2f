"""Mail: rendered in the transaction of its cause, sent from the outbox over SMTP."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Callable, Mapping
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import EmailPolicy, Policy
from email.utils import format_datetime, parseaddr
from typing import Any, ClassVar, Literal

import aiosmtplib
from email_validator import validate_email
from prometheus_client import CollectorRegistry, Gauge

from mystar.kit.clock import Clock
from mystar.kit.outbox.letters import Letter, html, letter_of, plain
from mystar.kit.outbox.model import GiveUp, OutboxMessage, Postpone
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.outbox.texts import TextStore, built_in_mails
from mystar.kit.postgres.database import Tx, assert_no_transaction
from mystar.kit.security.tokens import Signer, token_of
from mystar.kit.tracing import span

log = logging.getLogger(__name__)

TOPIC = "mail"
#: Mails that let a person into an account, or tell that others got in: no flood of other mails delays them.
ACCOUNT_TOPIC = "account_mail"
#: All topics whose messages are mails.
TOPICS = (TOPIC, ACCOUNT_TOPIC)
#: Stands in a mail for the token of its link until it is sent.
TOKEN = "__TOKEN__"
#: Seconds before the mail server is tried again after it refused this installation.
_RETRY_SETUP_SECONDS = 60.0
_POLICY = re.compile(r"\s*5\.7\.")
_RELAY = re.compile(r"\brelay", re.IGNORECASE)
Security = Literal["never", "auto", "required", "tls"]


#: Values that people chose for themselves.
_NAMES = ("username", "star", "customer", "sender")


def unlinked(name: str) -> str:
    """A name that looks the same and of which no mail program makes a link: dots and slashes are other characters."""
    return name.replace(".", "\u2024").replace("/", "\u2215")


class Mailer:
    """Queues mails in the transaction of their cause.

    :param sender: ``Name <address>`` of every mail.
    :param brand: from a dialect to the name of its product, which the mails speak of.
    :param topic: mails of one topic are sent one after the other, those of several at the same time.
    :param reply_to: the address that answers go to; "" = to the sender.
    :param texts: those in place of the built-in ones.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        sender: str,
        brand: Callable[[str], str],
        topic: str = TOPIC,
        reply_to: str = "",
        texts: TextStore | None = None,
    ) -> None:
        self._outbox, self._sender, self._brand, self._topic = outbox, sender, brand, topic
        self._reply_to, self.texts = reply_to, texts or TextStore(CollectorRegistry())

    async def queue(
        self,
        tx: Tx,
        letter: str | Letter,
        to: str,
        language: str,
        *,
        dialect: str = "market",
        once_as: str | None = None,
        unsubscribe: str = "",
        seed: str = "",
        reply_to: str = "",
        **values: Any,
    ) -> None:
        """Put a mail into the outbox.

        :param letter: the name of a built-in text, see `built_in_mails`, or the content itself, without the product.
        :param dialect: whose product the mail speaks of: of the account, or of the order.
        :param once_as: a unique name: a second mail of the same name is not sent.
        :param seed: of the token that replaces `TOKEN` in the mail when it is sent, so that the outbox, which keeps
            mails for a month, has nothing that opens an account.
        :param reply_to: the address that an answer goes to, instead of the mailer's.
        :param unsubscribe: URL whose POST ends mails of this kind (RFC 8058), shown in the mail, too.
        :param values: fill the text. ``link`` is that of the button.
        :raises LookupError: there is no such text, or a value of it is missing.
        """
        payload = self._payload(letter, to, language, dialect, unsubscribe, values)
        payload |= {"seed": seed} | ({"reply_to": reply_to} if reply_to else {})
        await self._outbox.enqueue(tx, self._topic, payload, name=once_as, lane=to)

    async def queue_unkept(
        self, tx: Tx, name: str, to: str, language: str, *, dialect: str = "market", **values: Any
    ) -> None:
        """Queue a mail of which nothing is kept once it is sent, or refused for good."""
        payload = self._payload(name, to, language, dialect, "", values)
        await self._outbox.enqueue(tx, self._topic, {**payload, "forget": True}, lane=to)

    def _payload(
        self, letter: str | Letter, to: str, language: str, dialect: str, unsubscribe: str, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        brand = self._brand(dialect)
        if isinstance(letter, str):
            letter = mail_letter(letter, language, {**values, "brand": brand}, self.texts)
        else:
            letter = letter._replace(subject=f"{brand}: {letter.subject}")
        return {
            "to": to,
            "from": self._sender,
            "subject": letter.subject,
            "text": plain(letter, language, brand, unsubscribe),
            "html": html(letter, language, brand, unsubscribe),
            "language": language,
            "unsubscribe": unsubscribe,
            "reply_to": self._reply_to,
        }


def mail_letter(name: str, language: str, values: Mapping[str, Any], texts: TextStore) -> Letter:
    """The mail of this name. :raises LookupError: there is none, or a value of it is missing."""
    values = {**values, **{key: unlinked(str(values[key])) for key in _NAMES if values.get(key)}}
    built_in = built_in_mails()[name][language]
    return letter_of(texts.fill(f"mail.{name}", built_in, language, values), str(values.get("link", "")))


class _Subject(UniqueUnstructuredHeader, BaseHeader):
    """Folded by `Header`: Python 3.11 loses spaces when it folds words that are not ASCII by itself."""

    max_count: ClassVar[Literal[1]] = 1

    def fold(self, *, policy: Policy) -> str:
        text = str(self)
        folded = Header(text, "us-ascii" if text.isascii() else "utf-8", header_name=self.name)
        return f"{self.name}: {folded.encode(linesep=policy.linesep)}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("subject", _Subject)
_FORMAT = EmailPolicy(header_factory=_HEADERS)


class SmtpSender:
    """Sends the outbox's mails, one after the other, over a connection that is kept while there is something to send.

    Topics take turns: a mail waits for one of each other topic at most.

    :param timeout: seconds for each step of the SMTP dialogue.
    :param signer: makes the tokens of links from their seeds, see `token_of`.
    """

    def __init__(
        self,
        clock: Clock,
        signer: Signer | None = None,
        *,
        host: str,
        port: int,
        username: str = "",
        password: str = "",
        security: Security = "auto",
        timeout: float = 20,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._clock, self._signer = clock, signer
        self._refused = Gauge(
            "mystar_mail_refused", "1 while the mail server refuses this installation", registry=registry
        )
        self._refused_until = 0.0
        #: Why the mail server refuses this installation; "" = it does not.
        self.trouble = ""
        self._lock = asyncio.Lock()
        self._login = (username, password) if username else None
        self._smtp = aiosmtplib.SMTP(
            hostname=host,
            port=port,
            use_tls=security == "tls",
            start_tls={"never": False, "auto": None, "required": True, "tls": False}[security],
            tls_context=_unverified_context(host) if security == "auto" else None,
            timeout=timeout,
        )

    async def send(self, message: OutboxMessage) -> None:
        """Send one mail.

        :raises GiveUp: the server refuses this recipient or this content for good.
        :raises Postpone: it refuses this installation (log-in, sender, relaying): kept until staff correct that.
        Any other failure is retried by the outbox.
        """
        assert_no_transaction("a mail")
        mail = self._mail(message)
        async with self._lock:
            # A longer pause was written by a clock that has been set back.
            if 0 < (pause := self._refused_until - self._clock.now().timestamp()) <= _RETRY_SETUP_SECONDS:
                raise Postpone(pause, "the mail server refuses this installation")
            try:
                await self._connect()
                with span("SMTP send", "client"):
                    refused, _ = await self._smtp.send_message(mail)
            except aiosmtplib.SMTPException as error:
                raise self._verdict(error) from error
            except BaseException:
                # Cancelled in the middle of a dialogue: the state of the server is unknown.
                self._smtp.close()
                raise
            self._refused.set(0)
            self.trouble = ""
        if refused:
            raise GiveUp(f"refused for {', '.join(refused)}")

    def _verdict(self, error: aiosmtplib.SMTPException) -> Exception:
        if is_about_us(error):
            log.error("the mail server refuses this installation; mails are kept until that is corrected: %s", error)
            self._refused.set(1)
            self.trouble = type(error).__name__ + (f" {code}" if (code := _code(error)) else "")
            self._refused_until = self._clock.now().timestamp() + _RETRY_SETUP_SECONDS
            self._smtp.close()
            return Postpone(_RETRY_SETUP_SECONDS, str(error))
        code = _code(error)
        return GiveUp(f"the mail server answered {code}") if 500 <= code < 600 else error

    async def check(self) -> None:
        """Connect and log in. :raises aiosmtplib.SMTPException: or OSError: it does not work."""
        async with self._lock:
            await self._connect()

    async def close(self) -> None:
        if self._smtp.is_connected:
            try:
                await self._smtp.quit()
            except aiosmtplib.SMTPException:
                self._smtp.close()

    async def _connect(self) -> None:
        if self._smtp.is_connected:
            try:
                await self._smtp.noop()
                return
            except aiosmtplib.SMTPException:
                self._smtp.close()
        await self._smtp.connect()
        if self._login:
            await self._smtp.login(*self._login)

    def _mail(self, message: OutboxMessage) -> EmailMessage:
        payload = message.payload
        mail = EmailMessage(_FORMAT)
        mail["From"], mail["To"] = payload["from"], _ascii_domain(payload["to"])
        mail["Subject"] = payload["subject"]
        if reply_to := payload.get("reply_to"):
            mail["Reply-To"] = _ascii_domain(reply_to)
        mail["Date"] = format_datetime(self._clock.now())
        # The same in every attempt, so that mail programs show a mail that was accepted twice once.
        domain = parseaddr(payload["from"])[1].rpartition("@")[2] or "localhost"
        mail["Message-ID"] = f"<{message.idempotency_key.hex}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = payload["language"]
        if link := payload.get("unsubscribe"):
            mail["List-Unsubscribe"] = f"<{link}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail.set_content(self._with_token(payload, "text"))
        mail.add_alternative(self._with_token(payload, "html"), subtype="html")
        return mail

    def _with_token(self, payload: Mapping[str, Any], part: str) -> str:
        text: str = payload[part]
        seed = payload.get("seed")
        return text.replace(TOKEN, token_of(self._signer, seed)) if seed and self._signer else text


def is_about_us(error: aiosmtplib.SMTPException) -> bool:
    """Whether a permanent refusal (5xx) is of this installation, not of a recipient or of a content.

    Greeting, EHLO, log-in and MAIL FROM are about the sender. RCPT TO is about the recipient, unless the server refuses
    to relay or answers with a policy code (RFC 3463: 5.7.x). What follows DATA is about the content.
    """
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        answer = error.recipients[0].message
        return 500 <= _code(error) < 600 and bool(_POLICY.match(answer) or _RELAY.search(answer))
    return isinstance(error, aiosmtplib.SMTPResponseException) and not (
        isinstance(error, aiosmtplib.SMTPDataError) or not 500 <= error.code < 600
    )


def _code(error: aiosmtplib.SMTPException) -> int:
    """The reply code; 0 without an answer."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return error.recipients[0].code
    return error.code if isinstance(error, aiosmtplib.SMTPResponseException) else 0


def _ascii_domain(address: str) -> str:
    """The address with its domain as IDNA 2008 writes it in ASCII: тест.рф becomes xn--e1aybc.xn--p1ai.

    An address in ASCII stays as it is, also at a host of this network, such as localhost.
    """
    if address.isascii():
        return address
    validated = validate_email(address, check_deliverability=False, test_environment=True)
    return validated.ascii_email or address


def _unverified_context(host: str) -> ssl.SSLContext | None:
    """For a server on this machine, which may have a self-signed certificate; None for any other."""
    if host not in ("127.0.0.1", "::1", "localhost"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
