"""Everything that can be done with an order, whoever asks and at whatever door."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from mystar.accounts.model import Actor
from mystar.catalog.model import Greeting
from mystar.catalog.service import CatalogService
from mystar.creators.service import CreatorService
from mystar.errors import Forbidden, Invalid
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.db import Database, Row
from mystar.kit.events import Events
from mystar.kit.money import rubles_text
from mystar.kit.tokens import Signer
from mystar.orders import process
from mystar.orders.model import (
    DATE_PASSED,
    PAID,
    Delivery,
    Difference,
    Kind,
    NoInvitations,
    NotForSale,
    NothingDelivered,
    NotYours,
    Order,
    OrderCard,
    OrderList,
    OrderPlaced,
    OrderUnknown,
    OwnService,
    PaymentLinkRefused,
    PriceChanged,
    Role,
)
from mystar.orders.process import Action, Allowed, decide
from mystar.orders.repository import OrderRepository
from mystar.orders.steps import Steps, acting_role
from mystar.payments.model import (
    PaymentOver,
    PaymentSettled,
)
from mystar.payments.service import PaymentService

PATIENCE = 3.0
#: Seconds that a person who wants to pay waits for the provider's page.
PAYMENT_PATIENCE = 10.0


class OrderService:
    """The verbs. Each is one transaction: lock the order, ask ``process``, write, tell, aim the payment.

    Every verb of a person raises ``OrderUnknown`` for a stranger, ``NotYours`` for a party who may never do it and
    ``WrongTime`` for one who may not do it now.

    :param public_url: what payment links begin with; no slash at the end.
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
        patience: float = PATIENCE,
    ) -> None:
        self._db, self._clock = db, clock
        self._catalog, self._files, self._payments = catalog, files, payments
        self._signer, self._public_url = signer, public_url
        self._steps = Steps(clock, creators=creators, files=files, payments=payments, patience=patience)

    def listen(self, events: Events) -> None:
        self._steps.listen(events)

    async def place_greeting(
        self,
        actor: Actor,
        *,
        star_id: int,
        for_whom: str,
        wish: str,
        price: int | None = None,
        by_date: date | None = None,
        by_time: time | None = None,
        occasion: str = "video",
        customer_id: int | None = None,
    ) -> Order:
        """Order a greeting from the star with the account ``star_id``.

        :param price: kopecks that the customer saw; None = whatever it costs.
        :param occasion: "video" or "invitation", each with its own price.
        :param customer_id: if given, must be the actor (contract D1).
        :raises Forbidden: ``customer_id`` is somebody else. :raises NotForSale: no such star, or without a price.
        :raises OwnService: :raises NoInvitations: :raises PriceChanged: :raises Invalid: ``by_date`` has passed.
        """
        if customer_id not in (None, actor.id):
            raise Forbidden
        greeting = await self._catalog.greeting_of(star_id)
        if greeting.account_id == actor.id:
            raise OwnService
        amount = _agreed_price(greeting, occasion, price)
        now = self._clock.now()
        if by_date is not None and _has_passed(by_date, now):
            raise Invalid(fields={"by_date": [DATE_PASSED]})
        async with self._db.transaction() as tx:
            orders = OrderRepository(tx)
            order = await orders.place(
                kind=Kind.GREETING,
                service_id=greeting.service_id,
                creator_id=greeting.creator_id,
                buyer_id=actor.id,
                price=amount,
                total_price=amount,
                for_whom=for_whom,
                wish=wish,
                occasion=occasion,
                # Whoever names no term wants it as soon as the star promises.
                by_date=by_date or (now + timedelta(days=greeting.delivery_days)).date(),
                by_time=by_time or time(23, 59),
                now=now,
            )
            await orders.remember(
                order, None, action="place", role=Role.BUYER, actor_id=actor.id, now=now, details={"price": amount}
            )
            await tx.publish(OrderPlaced(order, Role.BUYER))
        return order

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
            await self._steps.take(tx, order, step, actor.id, delivery=delivery.number)
        return delivery

    async def capture(self, actor: Actor, order_id: int) -> Order:
        """Charge what is held for a greeting, for its star or staff (contract D22)."""
        return await self._act(actor, order_id, Action.CAPTURE)

    async def require_capturer(self, actor: Actor, order_id: int) -> None:
        """Nothing, for whoever may charge the order now or at another time.

        :raises OrderUnknown: a stranger asks. :raises NotYours: the buyer does.
        """
        order = await OrderRepository(self._db).find(order_id)
        if acting_role(order, actor) not in process.roles_of(Action.CAPTURE, order.kind):
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

    async def payment_link(self, actor: Actor, order_id: int) -> str:
        """A link that pays for the order in any tab, without a token (contract D26). Nothing is begun yet."""
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
        if not self._signer.fits(signature, "pay", order_id):
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
        if not self._signer.fits(signature, "watch", order_id):
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
        return process.allowed_actions(order, role) if role else ()

    async def recount(self) -> list[Difference]:
        """Where orders disagree with their payments, or creators with their orders. Nowhere, if all is well."""
        return await OrderRepository(self._db).differences()

    async def _act(self, actor: Actor, order_id: int, action: Action, reason: str = "") -> Order:
        async with self._db.transaction() as tx:
            order, step = await self._steps.decide(tx, actor, order_id, action)
            return await self._steps.take(tx, order, step, actor.id, **({"reason": reason} if reason else {}))

    async def _provider_page(self, order_id: int) -> str:
        async with self._db.transaction() as tx:
            order = await OrderRepository(tx).lock(order_id)
            if order.money in PAID:
                # Whoever follows the link once more reads that all is well, not that something is forbidden.
                raise PaymentSettled
            payment = await self._steps.begin_payment(tx, order, decide(order, Action.PAY, Role.BUYER))
        return await self._payments.confirmation_url(payment.id, PAYMENT_PATIENCE)


def _has_passed(day: date, now: datetime) -> bool:
    """Whether it is over for the last people on Earth, too, at UTC-12."""
    return day < (now - timedelta(hours=12)).date()


def _agreed_price(greeting: Greeting, occasion: str, seen: int | None) -> int:
    """Kopecks: what it costs, if that is what the customer saw. :raises PriceChanged:"""
    price = _price(greeting, occasion)
    if seen not in (None, price):
        raise PriceChanged(price=rubles_text(price))
    return price


def _price(greeting: Greeting, occasion: str) -> int:
    """:raises NotForSale: :raises NoInvitations:"""
    if not greeting.is_for_sale or greeting.base_price is None:
        raise NotForSale
    if occasion != "invitation":
        return greeting.base_price
    if greeting.invitation_price is None:
        raise NoInvitations
    return greeting.invitation_price
