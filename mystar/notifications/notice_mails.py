"""Mails about offers, messages to stars, payouts, balances and what staff have hidden, queued with notifications."""

from __future__ import annotations

from mystar.chat.model import Message
from mystar.earnings.model import BalanceAdjusted
from mystar.earnings.payouts.model import REASONS, Payout
from mystar.errors import Text
from mystar.kit.clock import Clock
from mystar.kit.moments import zone_of
from mystar.kit.outbox.mail import Mailer, unlinked
from mystar.kit.postgres.database import Tx
from mystar.kit.web.site import Site
from mystar.notifications.kinds import Kind
from mystar.notifications.mail_content import (
    INCLUDED,
    REASON,
    SUM,
    TERM,
    MailContent,
    Reading,
    days_text,
    rubles,
    written,
)
from mystar.notifications.model import Posted, Recipient
from mystar.notifications.repository import NotificationRepository


class NoticeMails:
    """Queues mails in the transaction of their cause, about the product of their reader (D69); offers are the market's.

    :param mails_per_hour: mails about one kind of event to one account; the digest has the others, see
        `NotificationService`.
    """

    def __init__(self, mailer: Mailer, site: Site, clock: Clock, *, mails_per_hour: int) -> None:
        self._mailer, self._site, self._clock, self._mails_per_hour = mailer, site, clock, mails_per_hour

    async def offer(self, tx: Tx, message: Message, buyer_id: int, unsubscribe: str) -> None:
        """To the buyer, unless they want no mails."""
        offer, notifications = message.offer, NotificationRepository(tx)
        if offer is None or not await notifications.wants_mail(buyer_id, "offer"):
            return
        reader = await self._reader(tx, buyer_id, "offer")
        with_changes = Text("Цена с доработками", "Price with modifications")
        draft = MailContent(
            {"sender": unlinked(message.sender.username), "what": unlinked(offer.title), "amount": rubles(offer.price)},
            [
                (SUM, rubles(offer.price)),
                (with_changes, rubles(offer.modifications_price) if offer.modifications_price else ""),
                (TERM, days_text(offer.delivery_days)),
                (INCLUDED, offer.text if reader is not None and reader.is_confirmed else ""),
            ],
            deadline=offer.expires_at,
        )
        page = ("conversation", offer.conversation_id)
        await self._send(tx, "offer", reader, draft, page, unsubscribe=unsubscribe, dialect="market")

    async def message(self, tx: Tx, star: Recipient, sender: str, conversation_id: int, unsubscribe: str) -> None:
        page = ("conversation", conversation_id)
        await self._send(tx, "message", star, MailContent({"sender": unlinked(sender)}), page, unsubscribe=unsubscribe)

    async def payout(self, tx: Tx, name: str, payout: Payout, amount: int) -> None:
        """:param name: "payout_paid", "payout_failed", "payout_not_made" or "payout_returned"."""
        reasons = dict.fromkeys(part.reason for part in payout.parts if part.reason and name != "payout_paid")
        why = [(REASON, REASONS[reason]) for reason in reasons if reason in REASONS]
        draft = MailContent(
            {"amount": rubles(amount), "destination": payout.mask},
            [(SUM, rubles(amount)), (Text("Куда", "To"), payout.mask), *why],
        )
        reader = await self._reader(tx, payout.creator_id, name)
        await self._send(tx, name, reader, draft, ("payout", payout.id))

    async def balance(self, tx: Tx, event: BalanceAdjusted) -> None:
        amount = rubles(event.amount)
        draft = MailContent({"amount": amount}, [(SUM, amount), (REASON, event.reason)])
        reader = await self._reader(tx, event.creator_id, "balance_adjusted")
        await self._send(tx, "balance_adjusted", reader, draft, ("earnings", event.creator_id))

    async def moderation(self, tx: Tx, kind: Kind, posted: Posted, what: Text, reason: str, unsubscribe: str) -> None:
        """To the author of what the staff have hidden or shown again, unless they want no mails."""
        if not await NotificationRepository(tx).wants_mail(posted.account_id, kind):
            return
        reader = await self._reader(tx, posted.account_id, kind)
        draft = MailContent({"what": Text(*map(unlinked, what))}, [(REASON, reason)])
        await self._send(tx, kind, reader, draft, (posted.subject, posted.subject_id), unsubscribe=unsubscribe)

    async def _reader(self, tx: Tx, account_id: int, kind: str) -> Recipient | None:
        """None: blocked, or the hour had so many of the kind that a digest has this one."""
        reader = await NotificationRepository(tx).recipient(account_id, kind, self._clock.now())
        return reader if reader is not None and reader.recent <= self._mails_per_hour else None

    async def _send(
        self,
        tx: Tx,
        name: str,
        reader: Recipient | None,
        draft: MailContent,
        page: tuple[str, int],
        *,
        unsubscribe: str = "",
        dialect: str = "",
    ) -> None:
        """:param page: of the button, else the first one of the site; without a site there is no button."""
        if reader is None or not reader.email:
            return
        product = dialect or reader.channel
        draft.link = self._site.link(product, page[0], id=page[1]) or self._site.link(product, "home")
        reading = Reading(reader.username, reader.language, zone_of(reader.time_zone, self._clock.zone))
        await self._mailer.queue(
            tx,
            written(name, draft, reading, self._mailer.texts),
            reader.email,
            reader.language,
            dialect=product,
            unsubscribe=unsubscribe,
        )
