"""Subscriptions of browsers, and errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mystar.errors import Conflict, Invalid, NotFound, Text

#: Subscriptions of one account: the oldest makes room for a new one.
MAX_SUBSCRIPTIONS = 10
MAX_ENDPOINT, MAX_AGENT = 1000, 200


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser of an account. ``p256dh`` and ``auth`` are its keys, in base64url."""

    id: int
    account_id: int
    endpoint: str
    p256dh: str
    auth: str
    user_agent: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PushAccount:
    """``pushed_id``: notifications up to it were pushed. ``muted``: kinds that are not."""

    account_id: int
    pushed_id: int
    muted: tuple[str, ...]
    language: str


class PushOff(Conflict):
    """This installation has no key for web push."""

    code = "push_off"
    text = Text("Push-уведомления здесь не включены.", "Push messages are not switched on here.")


class SubscriptionUnknown(NotFound):
    """The subscription does not exist, or is another account's (D4)."""

    code = "push_subscription_unknown"
    text = Text("Подписка не найдена.", "The subscription was not found.")


class SubscriptionRefused(Invalid):
    """The endpoint is not a public https address, or the keys are none.

    ``field``: which of them.
    """

    code = "push_subscription_refused"
    text = Text("Так браузер подписать нельзя.", "A browser cannot be subscribed like this.")

    def __init__(self, field: str) -> None:
        super().__init__(fields={field: [self.text]})
