"""Everything that can be done with an order, whoever asks and at whatever door."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

from mystar.accounts.model import Actor
from mystar.catalog.service import CatalogService
from mystar.creators.service import CreatorService
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.postgres.database import Database, Row, Tx
from mystar.kit.security.tokens import Signer
from mystar.orders import state_machine
from mystar.orders.model import (
    PAID,
    Delivery,
    Difference,
    Kind,
    NothingDelivered,
    NotYours,
    Order,
    OrderCard,
    OrderEdited,
    OrderList,
    OrderMoneyDecided,
    OrderUnknown,
    PaymentLinkRefused,
    Role,
)
from mystar.orders.placing import Placing, require_to_come
from mystar.orders.repository import OrderRepository
from mystar.orders.state_machine import Action, Allowed, Terms, deadline_of, decide
from mystar.orders.transitions import Steps, acting_role
from mystar.payments.model import PaymentOver, PaymentSettled
from mystar.payments.service import PaymentService

PATIENCE = 3.0
#: Seconds that a person who wants to pay waits for the provider's page.
PAYMENT_PATIENCE = 10.0


class OrderService:
    """The verbs. Each is one transaction: lock the order, ask ``process``, write, tell, aim the payment.

    Every verb of a person raises ``OrderUnknown`` for a stranger, ``NotYours`` for a party who may never do it and
    ``WrongTime`` for one who may not do it now.

    ``place_greeting`` and ``place_service`` are those of `Placing`.

    :param public_url: what payment links begin with; no slash at the end.
    :param terms: how long people are waited for.
    :param patience: seconds to wait, after the commit, for the provider to take the money of an accepted order.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        creators: CreatorService,
        catalog: CatalogService,
        files: FileService,
        payments: PaymentService,
        signer: Signer,
        public_url: str,
        terms: Terms = Terms(),  # noqa: B008 - a tuple
        patience: float = PATIENCE,
    ) -> None:
        self._db, self._clock = db, clock
        self._files, self._payments, self._patience = files, payments, patience
        self._signer, self._public_url = signer, public_url
        self._steps = Steps(clock, terms, creators=creators, files=files, payments=payments, patience=patience)
        placing = Placing(db, clock, catalog, terms)
        self.place_greeting, self.place_service = placing.greeting, placing.service

    def listen(self, events: Events) -> None:
        self._steps.listen(events)

    # The creator's side.

    async def accept(self, actor: Actor, order_id: int) -> Order:
        """Agree to do the work. A held greeting is charged; a healthy provider has done so when this returns."""
        return await self._act(actor, order_id, Action.ACCEPT)

    async def reject(self, actor: Actor, order_id: int, reason: str = "") -> Order:
        """Decline. What is held is let go."""
        return await self._act(actor, order_id, Action.REJECT, reason)

    async def deliver(
        self, actor: Actor, order_id: int, *, message: str = "", file_ids: Sequence[int] = ()
    ) -> Delivery:
        """Hand over the work: files of the creator's own, by id, and a word to the buyer.

        A greeting that is not paid for is kept closed to the buyer until its money is there.

        :raises NothingDelivered: neither files nor words, or a greeting without a file.
        :raises NotFound: a file is not the creator's.
        """
        async with self._db.transaction() as tx:
            orders = OrderRepository(tx)
            order, step = await self._steps.decide(tx, actor, order_id, Action.DELIVER)
            if not file_ids and (order.kind is Kind.GREETING or not message):
                raise NothingDelivered
            readers = [order.buyer_id] if order.buyer_id and order.is_open_to_buyer else []
            for file_id in dict.fromkeys(file_ids):
                await self._files.attach(tx, file_id, owner_id=actor.id, readers=readers)
            delivery = await orders.deliver(
                order.id, message, list(dict.fromkeys(file_ids)), actor.id, self._clock.now()
            )
            await self._steps.take(tx, order, step, actor.id, details={"delivery": delivery.number})
        return delivery

    async def capture(self, actor: Actor, order_id: int) -> Order:
        """Charge what is held for a greeting, for its star or staff (D22)."""
        return await self._act(actor, order_id, Action.CAPTURE)

    async def require_capturer(self, actor: Actor, order_id: int) -> None:
        """Nothing, for whoever may charge the order now or at another time.

        :raises OrderUnknown: a stranger asks. :raises NotYours: the buyer does.
        """
        order = await OrderRepository(self._db).find(order_id)
        if acting_role(order, actor) not in state_machine.roles_of(Action.CAPTURE, order.kind):
            raise NotYours

    # The buyer's side.

    async def approve(self, actor: Actor, order_id: int) -> Order:
        """Be content with what was delivered. What is held is charged."""
        return await self._act(actor, order_id, Action.APPROVE)

    async def request_revision(self, actor: Actor, order_id: int, reason: str = "") -> Order:
        """Ask for another version."""
        return await self._act(actor, order_id, Action.REQUEST_REVISION, reason)

    async def dispute(self, actor: Actor, order_id: int, reason: str = "") -> Order:
        """Call the staff, who approve or cancel. Until then the money stays where it is."""
        return await self._act(actor, order_id, Action.DISPUTE, reason)

    async def cancel(self, actor: Actor, order_id: int, reason: str = "") -> Order:
        """Call it off: what is held is let go, what is taken is refunded in full."""
        return await self._act(actor, order_id, Action.CANCEL, reason)

    async def edit(
        self, actor: Actor, order_id: int, *, requirements: str | None = None, delivery_date: date | None = None
    ) -> Order:
        """Change what is wanted, or until when, before anything was delivered; None = stays.

        :raises Invalid: the date has passed.
        """
        now = self._clock.now()
        require_to_come(delivery_date, now, "delivery_date")
        async with self._db.transaction() as tx:
            order, step = await self._steps.decide(tx, actor, order_id, Action.EDIT)
            edited = await OrderRepository(tx).edit(order_id, requirements, delivery_date, now)
            if (edited.wish, edited.by_date) == (order.wish, order.by_date):
                return order
            await self._steps.note(tx, order, step, actor.id)
            await tx.publish(OrderEdited(edited, step.role, order.status))
        return edited

    async def mark_reviewed(self, tx: Tx, actor: Actor, order_id: int) -> Order:
        """For whoever keeps the reviews: the buyer says, once, what he thinks of a completed order."""
        order, step = await self._steps.decide(tx, actor, order_id, Action.REVIEW)
        reviewed = await OrderRepository(tx).mark_reviewed(order_id, self._clock.now())
        await self._steps.note(tx, order, step, actor.id)
        return reviewed

    # Staff, who also settle disputes: by ``approve`` or by ``cancel``.

    async def refund(self, actor: Actor, order_id: int, amount: int | None = None, reason: str = "") -> Order:
        """Give back what was taken, or a part of it; a healthy provider has done so when this returns.

        :param amount: kopecks; None = all that is left.
        :raises PaymentNotTaken: :raises GivingBack: :raises RefundUnderWay: :raises RefundTooMuch: as payments say.
        """
        if amount is None:
            return await self._act(actor, order_id, Action.REFUND, reason)
        async with self._db.transaction() as tx:
            order, step = await self._steps.decide(tx, actor, order_id, Action.REFUND_PART)
            await self._payments.refund_part(tx, order_id, amount)
            await self._steps.note(tx, order, step, actor.id, amount=amount, reason=reason)
            await tx.publish(OrderMoneyDecided(order, step.role, order.status, str(step.action), amount))
            tx.after_commit(partial(self._payments.wait_for, order_id, self._patience))
        return await OrderRepository(self._db).find(order_id)

    # The clock's side.

    async def due(self, after: tuple[datetime, int] | None, batch: int) -> list[tuple[datetime, int]]:
        """Deadlines that are over, with the orders' ids, earliest first, behind the place ``after``."""
        return await OrderRepository(self._db).due(self._clock.now(), after, batch)

    async def pass_deadline(self, order_id: int) -> bool:
        """Take the system's step, unless somebody has moved the order meanwhile, or is about to."""
        async with self._db.transaction() as tx:
            order = await OrderRepository(tx).lock_due(order_id, self._clock.now())
            deadline = deadline_of(order) if order else None
            if order is None or deadline is None:
                return False
            await self._steps.take(tx, order, decide(order, deadline.action, Role.SYSTEM))
        return True

    # Payment.

    async def payment_link(self, actor: Actor, order_id: int) -> str:
        """A link that pays for the order in any tab, without a token (D26). Nothing is begun yet."""
        order = await OrderRepository(self._db).find(order_id)
        decide(order, Action.PAY, acting_role(order, actor))
        return self.link_to_pay(order.id)

    def link_to_pay(self, order_id: int) -> str:
        """The same link for whoever is known to be meant, as in a mail to the buyer."""
        return f"{self._public_url}/payments/?order_id={order_id}&sig={self._signer.sign('pay', order_id)}"

    async def pay(self, actor: Actor, order_id: int) -> str:
        """Begin to pay and answer the link that leads to the provider's page. Does not wait for the provider."""
        async with self._db.transaction() as tx:
            order, step = await self._steps.decide(tx, actor, order_id, Action.PAY)
            await self._steps.begin_payment(tx, order, step)
        return self.link_to_pay(order_id)

    async def pay_by_link(self, order_id: int, signature: str) -> str:
        """Follow a payment link: the address of the provider's page, of the open payment or of a new one.

        :raises PaymentLinkRefused: the signature does not fit. :raises PaymentSettled: it is paid already.
        :raises Unavailable: the provider is silent.
        """
        if not self._signer.verify(signature, "pay", order_id):
            raise PaymentLinkRefused
        try:
            return await self._provider_page(order_id)
        except PaymentOver:
            # The provider has just told us that the open payment had lapsed, so the order may have a new one.
            return await self._provider_page(order_id)

    # What can be seen.

    async def read(self, actor: Actor, order_id: int) -> OrderCard:
        """:raises OrderUnknown: there is none, or it is none of the actor's business."""
        card = await OrderRepository(self._db).card(order_id)
        if card.order.role_of(actor) is None:
            raise OrderUnknown
        return card

    async def bought_by(self, actor: Actor, page: int = 1) -> OrderList:
        return await OrderRepository(self._db).bought_by(actor.id, page)

    async def sold_by(self, actor: Actor, page: int = 1) -> OrderList:
        return await OrderRepository(self._db).sold_by(actor.id, page)

    def link_to_watch(self, order_id: int) -> str:
        """A link that plays the delivered video in any tab, for the mail that tells the buyer of it."""
        return f"{self._public_url}/api/order/video/?order_id={order_id}&sig={self._signer.sign('watch', order_id)}"

    async def watch_by_link(self, order_id: int, signature: str) -> str:
        """Follow such a link: the path of the video, signed for an hour.

        :raises OrderUnknown: the signature does not fit, or there is nothing to be seen, or it is not paid for.
        """
        if not self._signer.verify(signature, "watch", order_id):
            raise OrderUnknown
        card = await OrderRepository(self._db).card(order_id)
        if card.video is None or not card.order.is_open_to_buyer:
            raise OrderUnknown
        return self._files.private_url(card.video)

    async def history(self, actor: Actor, order_id: int) -> list[Row]:
        """Everything that happened to the order, oldest first."""
        await self.read(actor, order_id)
        return await OrderRepository(self._db).history(order_id)

    @staticmethod
    def allowed_actions(order: Order, actor: Actor) -> tuple[Allowed, ...]:
        role = order.role_of(actor)
        return state_machine.allowed_actions(order, role) if role else ()

    async def recount(self) -> list[Difference]:
        """Where orders disagree with their payments, or creators with their orders. Nowhere, if all is well."""
        return await OrderRepository(self._db).differences()

    async def _act(self, actor: Actor, order_id: int, action: Action, reason: str = "") -> Order:
        async with self._db.transaction() as tx:
            order, step = await self._steps.decide(tx, actor, order_id, action)
            return await self._steps.take(tx, order, step, actor.id, details={"reason": reason} if reason else {})

    async def _provider_page(self, order_id: int) -> str:
        async with self._db.transaction() as tx:
            order = await OrderRepository(tx).lock(order_id)
            if order.money in PAID:
                # Whoever follows the link once more reads that all is well, not that something is forbidden.
                raise PaymentSettled
            payment = await self._steps.begin_payment(tx, order, decide(order, Action.PAY, Role.BUYER))
        return await self._payments.confirmation_url(payment.id, PAYMENT_PATIENCE)
