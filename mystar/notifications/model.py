"""Notifications, and recipients of mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from mystar.errors import Forbidden, NotFound, Text
from mystar.kit.money import format_rubles_text
from mystar.kit.outbox.texts import TextStore
from mystar.notifications.kinds import WORDS, Kind, Wording


class Words(NamedTuple):
    """What a reader sees."""

    title: str
    message: str


_WHAT_YOU_POSTED = Text("то, что вы разместили", "what you had posted")
#: Rubles in the data.
_SUMS = frozenset({"amount", "price"})
#: For kinds of a later release.
_UNKNOWN_KIND = Wording(Text("Уведомление", "Notification"), Text("У вас новое уведомление.", "You have news."))


class Subject(StrEnum):
    ORDER = "order"
    CONVERSATION = "conversation"
    PAYOUT = "payout"
    EARNINGS = "earnings"
    REPORT = "report"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of one account. The ids of one account become visible in their order.

    :param data: values for the text, such as ``order_id``, or ``conversation_id``, ``message_id`` and ``sender``.
    :param subject: what it is about, with ``subject_id``.
    """

    id: int
    account_id: int
    kind: str
    data: dict[str, Any]
    subject: str
    subject_id: int
    created_at: datetime
    read_at: datetime | None

    @property
    def position(self) -> int:
        """The position in the log of the account."""
        return self.id

    @property
    def is_read(self) -> bool:
        return self.read_at is not None

    @property
    def priority(self) -> Literal["high", "normal"]:
        return "high" if self._wording.is_urgent else "normal"

    def words(self, language: str, texts: TextStore) -> Words:
        """Title and message, made of the kind and the data. :param texts: those in place of the built-in ones."""
        wording = self._wording
        built_in = {"title": wording.title.in_(language), "message": wording.message.in_(language)}
        try:
            return Words(**texts.fill(f"notification.{self.kind}", built_in, language, self._values(language)))
        except (LookupError, ValueError):
            # Written by another release with other data.
            return Words(built_in["title"], built_in["title"])

    def _values(self, language: str) -> dict[str, Any]:
        """The data, with what is kept in both languages in this one, and sums of money for people."""
        values = {name.removesuffix(f"_{language}"): value for name, value in self.data.items()}
        for name in _SUMS & values.keys():
            values[name] = format_rubles_text(str(values[name]), language)
        if self.kind == Kind.CONTENT_REMOVED:
            # Notifications from before it was kept.
            values.setdefault("what", _WHAT_YOU_POSTED.in_(language))
        sender = values.get("sender")
        return values | {"sender": sender["username"]} if isinstance(sender, dict) else values

    @property
    def _wording(self) -> Wording:
        return WORDS.get(self.kind, _UNKNOWN_KIND)


@dataclass(frozen=True, slots=True)
class Posted:
    """What a person has posted. ``title``: of a service; ``subject`` with its id: where it is seen."""

    account_id: int
    title: str
    subject: Subject
    subject_id: int

    def words(self, what: str) -> Text:
        """As the object of a sentence. :param what: "service", "review" or "message"."""
        if what == "service":
            return Text(f"вашу услугу «{self.title}»", f"your service “{self.title}”")
        if what == "review":
            return Text(f"ваш отзыв о заказе №{self.subject_id}", f"your review of order no. {self.subject_id}")
        return Text("ваше сообщение", "your message")


@dataclass(frozen=True, slots=True)
class NotificationDraft:
    """A notification to be written.

    :param is_mailed: it has a mail of its own; the digest leaves it out.
    """

    account_id: int
    kind: Kind
    subject: Subject
    subject_id: int
    data: dict[str, Any]
    is_mailed: bool = False


@dataclass(frozen=True, slots=True)
class NotificationCreated:
    """The account has a new notification; WebSockets read it after the commit."""

    account_id: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """The account that a mail goes to. Without an address nothing is sent.

    ``is_confirmed``: the address is; mails to another one contain no text of others.
    ``recent``: its notifications of one kind in the last hour, where they were asked for.
    """

    id: int
    username: str
    email: str | None
    language: str
    #: Of the registration, for mails that are not about an order.
    channel: str = "market"
    recent: int = 0
    is_confirmed: bool = True
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class OrderReader:
    """A party of an order as the reader of a mail. ``title`` is that of the offer or the service that was ordered.

    ``recent``: its notifications of one kind in the last hour.
    """

    id: int
    username: str
    full_name: str
    email: str | None
    language: str
    time_zone: str | None
    title: str
    recent: int = 0
    is_confirmed: bool = True


class NotificationUnknown(NotFound):
    """The notification does not exist, or is another account's (D4)."""

    code = "notification_unknown"
    text = Text("Уведомление не найдено.", "The notification was not found.")


class UnsubscribeLinkRefused(Forbidden):
    """The signature of an unsubscribe link is wrong, or the link is older than three months, or than the account's
    wish to be mailed again.
    """

    code = "unsubscribe_link_refused"
    text = Text("Ссылка для отписки недействительна или устарела.", "The unsubscribe link is not valid or too old.")
