"""Subscribing browsers, queueing what is new for them, and sending it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from mystar.accounts.model import Actor
from mystar.errors import Unavailable
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.outbox.model import OutboxMessage
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.outbox.texts import TextStore
from mystar.kit.outbox.web_push import MAX_BYTES, PushGone, Subscriber, WebPush, check_keys, encoded, is_allowed
from mystar.kit.postgres.database import Database, Tx
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.web.site import Site
from mystar.notifications.mail_content import sentence
from mystar.notifications.model import Notification, NotificationCreated, Subject
from mystar.notifications.push.model import PushOff, Subscription, SubscriptionRefused
from mystar.notifications.push.repository import PushRepository
from mystar.notifications.repository import NotificationRepository

log = logging.getLogger(__name__)
TOPIC = "push"
#: Accounts of one run, and notifications of one account that are pushed one by one; more come as one message.
_ACCOUNTS, _SINGLE = 500, 3
#: New notifications of one account that a statement reads.
_PAGE = 100
_MAX_LENGTH = 400
#: Characters of a topic (RFC 8030).
_TOPIC_LENGTH = 32


class PushService:
    """:param sender: None = this installation has no key, and nothing is subscribed or sent.
    :param ttl: how long a message is kept for a browser that is not running.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        outbox: Outbox,
        limits: RateLimits,
        site: Site,
        texts: TextStore,
        sender: WebPush | None,
        *,
        ttl: timedelta,
    ) -> None:
        self._db, self._clock, self._outbox, self._limits, self._site = db, clock, outbox, limits, site
        self._texts, self._sender, self._ttl = texts, sender, ttl
        self.news = asyncio.Event()

    def listen(self, events: Events) -> None:
        if self._sender is not None:
            events.on(NotificationCreated, self._notified)
            events.after_commit(NotificationCreated, self._wake)

    @property
    def public_key(self) -> str | None:
        """What browsers subscribe with; None = switched off."""
        return self._sender.key.public if self._sender else None

    async def subscribe(self, actor: Actor, browser: Subscriber, user_agent: str) -> tuple[Subscription, bool]:
        """Subscribe the browser of this session; false if its address was subscribed already.

        :raises PushOff: :raises SubscriptionRefused: by field. :raises TooMany:
        """
        if self._sender is None:
            raise PushOff
        if not is_allowed(browser.endpoint, private=self._sender.private):
            raise SubscriptionRefused("endpoint")
        try:
            check_keys(browser.p256dh, browser.auth)
        except ValueError:
            raise SubscriptionRefused("keys") from None
        await self._limits.hit("push_subscription", actor.id)
        async with self._db.transaction() as tx:
            return await PushRepository(tx).add(actor.id, actor.session_id, browser, user_agent, self._clock.now())

    async def subscriptions(self, actor: Actor) -> list[Subscription]:
        """Of sessions that have not ended, oldest first."""
        return await PushRepository(self._db).of_account(actor.id, self._clock.now())

    async def unsubscribe(self, actor: Actor, subscription_id: int) -> None:
        """:raises SubscriptionUnknown:"""
        await PushRepository(self._db).remove(actor.id, subscription_id)

    async def muted(self, actor: Actor) -> list[str]:
        """Kinds of notifications that are not pushed."""
        return await PushRepository(self._db).muted(actor.id)

    async def set_muted(self, actor: Actor, kinds: Sequence[str]) -> None:
        await PushRepository(self._db).set_muted(actor.id, sorted(set(kinds)))

    # From a notification to the outbox

    async def _notified(self, tx: Tx, event: NotificationCreated) -> None:
        await PushRepository(tx).mark_due(event.account_id, self._clock.now())

    async def _wake(self, _event: NotificationCreated) -> None:
        self.news.set()

    async def queue_due(self) -> None:
        """Put what is new into the outbox. Several processes may run it at once: each account is locked by one."""
        self.news.clear()
        for account_id in await PushRepository(self._db).due(_ACCOUNTS):
            try:
                async with self._db.transaction() as tx:
                    await self._queue(tx, account_id)
            except Unavailable:
                raise
            except Exception:
                # The others are still told.
                log.exception("the push messages of account %s failed", account_id)

    async def _queue(self, tx: Tx, account_id: int) -> None:
        rows = PushRepository(tx)
        account = await rows.lock_due(account_id)
        if account is None:
            return
        found = await _all_after(tx, account_id, account.pushed_id)
        fresh = [one for one in found if not one.is_read and one.kind not in account.muted]
        messages = [self._message(one, account.language) for one in fresh]
        if len(fresh) > _SINGLE:
            messages = [self._summary(len(fresh), account.language)]
        last = found[-1].id if found else account.pushed_id
        for browser in await rows.of_account(account_id, self._clock.now()) if messages else ():
            for message in messages:
                payload = {
                    **message,
                    "account": account_id,
                    "subscription": browser.id,
                    "sent_at": self._clock.now().timestamp(),
                    "forget": True,
                }
                name = f"{last}:{message['data']['tag']}:{browser.id}"
                await self._outbox.enqueue(tx, TOPIC, payload, name=name, lane=f"push:{browser.id}")
        await rows.finish(account_id, last)

    def _message(self, notification: Notification, language: str) -> dict[str, Any]:
        subject, words = notification.subject, notification.words(language, self._texts)
        is_known = subject in list(Subject)
        link = self._site.link("market", subject, id=notification.subject_id) if is_known else ""
        data = {
            "id": notification.id,
            "type": notification.kind,
            "title": words.title[:_MAX_LENGTH],
            "body": words.message[:_MAX_LENGTH],
            "link": link or self._site.link("market", "home"),
            "tag": f"{notification.kind}-{subject}-{notification.subject_id}",
        }
        return {"data": data, "urgency": "high" if notification.priority == "high" else "normal"}

    def _summary(self, count: int, language: str) -> dict[str, Any]:
        link, title = (
            self._site.link("market", "home"),
            sentence("push_summary", language, {"count": count}, self._texts),
        )
        data = {"id": None, "type": "summary", "title": title, "body": "", "link": link, "tag": "summary"}
        return {"data": data, "urgency": "normal"}

    # From the outbox to the browser

    async def send(self, message: OutboxMessage) -> None:
        """Send one message; one that is too old, or whose browser is gone, signed out or another's, is dropped."""
        payload, now = message.payload, self._clock.now()
        left = self._ttl - timedelta(seconds=now.timestamp() - payload["sent_at"])
        browser = await PushRepository(self._db).find(payload["subscription"], now)
        if self._sender is None or browser is None or left <= timedelta():
            return
        if browser.account_id != payload.get("account", browser.account_id):
            return  # Another person has signed in there since.
        content = orjson.dumps(payload["data"])
        if len(content) > MAX_BYTES:
            content = orjson.dumps({**payload["data"], "body": ""})
        to = Subscriber(browser.endpoint, browser.p256dh, browser.auth)
        try:
            await self._sender.send(
                to,
                content,
                now,
                ttl=int(left.total_seconds()),
                urgency=payload["urgency"],
                topic=_topic(payload["data"]["tag"]),
            )
        except PushGone:
            await PushRepository(self._db).remove_gone(browser)


async def _all_after(tx: Tx, account_id: int, after: int) -> list[Notification]:
    found: list[Notification] = []
    while page := await NotificationRepository(tx).after(account_id, after, _PAGE):
        found += page
        after = page[-1].id
    return found


def _topic(tag: str) -> str:
    """A later message of the same topic replaces one that waits, so that tags of two things must not become one."""
    topic = tag.replace("_", "-")
    return topic if len(topic) <= _TOPIC_LENGTH else encoded(hashlib.sha256(tag.encode()).digest())[:_TOPIC_LENGTH]
