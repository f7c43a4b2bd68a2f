"""Everything that can be done with an order, for all dialects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from mystar.accounts.model import Actor
from mystar.accounts.sessions.step_up import StepUp
from mystar.catalog.service import CatalogService
from mystar.creators.service import CreatorService
from mystar.files.service import FileService
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.postgres.database import Database, Tx, in_transaction
from mystar.kit.recount import Difference
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.security.tokens import Signer
from mystar.orders import state_machine
from mystar.orders.allowed import Allowed
from mystar.orders.capacity.service import CapacityService
from mystar.orders.model import (
    PAID,
    ActionForbidden,
    Delivery,
    Kind,
    Money,
    NothingDelivered,
    Order,
    OrderEdited,
    OrderEntry,
    OrderMoneyDecided,
    OrderUnknown,
    PaymentLinkRefused,
    Role,
    Status,
)
from mystar.orders.placing import OfferedTerms, Placing, require_future
from mystar.orders.repository import OrderRepository
from mystar.orders.state_machine import Action, Terms, Transition, deadline_of, decide
from mystar.orders.transitions import Transitions, acting_role
from mystar.payments.methods import choice_of
from mystar.payments.model import PaymentChoice, PaymentNotStopped, PaymentOver, PaymentSettled
from mystar.payments.service import PaymentService

PATIENCE = 3.0
PAYMENT_PATIENCE = 10.0  # seconds that a payer waits for the provider's page
LINK_LIFE = timedelta(days=30)  # of links in mails to pay and to watch
#: Limits of single actions, beside that of all.
_LIMITS = {Action.REQUEST_REVISION: "revision", Action.DISPUTE: "dispute", Action.PAY: "payment"}


class OrderService:
    """Each method is one transaction: lock the order, decide, update, publish, set the payment's goal.

    Methods with an ``actor`` raise ``OrderUnknown`` when the actor is not a party to the order, ``ActionForbidden``
    when that party may never do it, and ``ActionNotAllowedNow`` when it may not do it in the present state; ``TooMany``
    above a limit. Staff who give money back need step-up: ``ReauthenticationNeeded``.

    :param public_url: base of payment links, without a trailing slash.
    :param terms: how long the parties have time.
    :param patience: seconds to wait, after the commit, for the provider to capture the money of an accepted order.
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
        step_up: StepUp,
        signer: Signer,
        limits: RateLimits,
        public_url: str,
        capacity: CapacityService,
        terms: Terms = Terms(),  # noqa: B008 - a tuple
        patience: float = PATIENCE,
    ) -> None:
        self._db, self._clock = db, clock
        self._files, self._payments, self._patience = files, payments, patience
        self._step_up = step_up
        self._signer, self._limits, self._public_url = signer, limits, public_url
        self._transitions = Transitions(
            clock, terms, creators=creators, files=files, payments=payments, capacity=capacity, patience=patience
        )
        self._placing = Placing(db, clock, catalog, limits, terms, capacity)
        self.limit_offered = self._placing.limit_offered

    def listen(self, events: Events) -> None:
        self._transitions.listen(events)

    async def place_greeting(self, actor: Actor, star_id: int, **wanted: Any) -> Order:
        """Order a greeting: see `Placing.greeting`."""
        return await self._placing.greeting(actor, star_id=star_id, **wanted)

    async def place_service(self, actor: Actor, service_id: int, **wanted: Any) -> OrderEntry:
        """Order a service: see `Placing.service`."""
        return await self._placing.service(actor, service_id=service_id, **wanted)

    async def place_offered(self, tx: Tx, actor: Actor, terms: OfferedTerms, **wanted: Any) -> Order:
        """Order what a creator has offered, in the caller's transaction: see `Placing.offered`.

        To offer is to agree, so the order is accepted by its creator at once and waits for the payment.
        """
        order = await self._placing.offered(tx, actor, terms, **wanted)
        accepted = decide(order, Action.ACCEPT, Role.CREATOR)
        return await self._transitions.apply(
            tx, order, accepted, terms.creator_account_id, details={"offer": terms.offer_id}
        )

    # The creator's actions.

    async def accept(self, actor: Actor, order_id: int) -> Order:
        """Accept the order. The hold of a greeting is captured, normally before this returns."""
        return await self._act(actor, order_id, Action.ACCEPT)

    async def reject(self, actor: Actor, order_id: int, reason: str = "") -> Order:
        """Reject the order. A hold is released."""
        return await self._act(actor, order_id, Action.REJECT, reason)

    async def deliver(
        self, actor: Actor, order_id: int, *, message: str = "", file_ids: Sequence[int] = ()
    ) -> Delivery:
        """Deliver the work: uploads of the creator, by id, and a message.

        The buyer cannot open the files of an unpaid greeting until it is paid.

        :raises NothingDelivered: neither files nor a message, or a greeting without a file.
        :raises NotFound: a file is not the creator's.
        """
        await self._limit(actor, Action.DELIVER)
        async with self._db.transaction() as tx:
            orders = OrderRepository(tx)
            order, transition = await self._transitions.decide(tx, actor, order_id, Action.DELIVER)
            if not file_ids and (order.kind is Kind.GREETING or not message):
                raise NothingDelivered
            readers = [order.buyer_id] if order.buyer_id and order.is_open_to_buyer else []
            for file_id in dict.fromkeys(file_ids):
                await self._files.attach(tx, file_id, owner_id=actor.id, readers=readers)
            delivery = await orders.deliver(
                order.id, message, list(dict.fromkeys(file_ids)), actor.id, self._clock.now()
            )
            await self._transitions.apply(tx, order, transition, actor.id, details={"delivery": delivery.number})
        return delivery

    async def capture(self, actor: Actor, order_id: int) -> Order:
        """Capture the hold of a greeting, as its star or staff (D22)."""
        return await self._act(actor, order_id, Action.CAPTURE)

    async def require_capturer(self, actor: Actor, order_id: int) -> None:
        """Check that the actor's role may capture, now or in another state.

        :raises OrderUnknown: not a party. :raises ActionForbidden: the buyer.
        """
        order = await OrderRepository(self._db).find(order_id)
        if acting_role(order, actor) not in state_machine.roles_of(Action.CAPTURE, order.kind):
            raise ActionForbidden

    # The buyer's actions.

    async def approve(self, actor: Actor, order_id: int) -> Order:
        """Approve the delivery. A hold is captured."""
        return await self._act(actor, order_id, Action.APPROVE)

    async def request_revision(self, actor: Actor, order_id: int, reason: str = "") -> Order:
        """Request a revision."""
        return await self._act(actor, order_id, Action.REQUEST_REVISION, reason)

    async def dispute(self, actor: Actor, order_id: int, reason: str = "") -> Order:
        """Open a dispute, which staff end by `approve` or `cancel`. Until then the money stays where it is."""
        return await self._act(actor, order_id, Action.DISPUTE, reason)

    async def cancel(self, actor: Actor, order_id: int, reason: str = "") -> Order:
        """Cancel: a hold is released, a captured sum refunded in full."""
        return await self._act(actor, order_id, Action.CANCEL, reason)

    async def edit(
        self, actor: Actor, order_id: int, *, requirements: str | None = None, delivery_date: date | None = None
    ) -> Order:
        """Change the requirements or the due date before the first delivery; None = unchanged.

        :raises Invalid: the date has passed.
        """
        now = self._clock.now()
        require_future(delivery_date, now, "delivery_date")
        await self._limit(actor, Action.EDIT)
        async with self._db.transaction() as tx:
            order, transition = await self._transitions.decide(tx, actor, order_id, Action.EDIT)
            edited = await OrderRepository(tx).edit(order_id, requirements, delivery_date, now)
            if (edited.requirements, edited.due_date) == (order.requirements, order.due_date):
                return order
            await self._transitions.record(tx, order, transition, actor.id)
            await tx.publish(OrderEdited(edited, transition.role, order.status))
        return edited

    async def mark_reviewed(self, tx: Tx, actor: Actor, order_id: int) -> Order:
        """Mark a completed order as reviewed by its buyer, once; called by the reviews."""
        order, transition = await self._transitions.decide(tx, actor, order_id, Action.REVIEW)
        reviewed = await OrderRepository(tx).mark_reviewed(order_id, self._clock.now())
        await self._transitions.record(tx, order, transition, actor.id)
        return reviewed

    # Staff actions; they also decide disputes, by `approve` or `cancel`.

    async def refund(
        self, actor: Actor, order_id: int, amount: int | None = None, reason: str = "", *, seen: int | None = None
    ) -> Order:
        """Refund the captured sum or a part of it, normally before this returns.

        :param amount: kopecks; None = the rest. :param seen: how many refunds it was chosen after, else `Conflict`.
        :raises PaymentNotTaken: :raises ReversalInProgress: :raises RefundUnderWay: :raises RefundTooMuch:
        """
        if amount is None:
            return await self._act(actor, order_id, Action.REFUND, reason)
        async with self._db.transaction() as tx:
            order, transition = await self._transitions.decide(tx, actor, order_id, Action.REFUND_PART)
            await self._require_step_up(tx, actor, order, transition)
            await self._payments.refund_part(tx, order_id, amount, seen)
            await self._transitions.record(tx, order, transition, actor.id, amount=amount, reason=reason)
            await tx.publish(OrderMoneyDecided(order, transition.role, order.status, str(transition.action), amount))
            tx.after_commit(partial(self._payments.wait_for, order_id, self._patience))
        return await OrderRepository(self._db).find(order_id)

    # Deadlines.

    async def due(self, after: tuple[datetime, int] | None, batch: int) -> list[tuple[datetime, int]]:
        """Passed deadlines with the orders' ids, earliest first, after the position ``after``."""
        return await OrderRepository(self._db).due(self._clock.now(), after, batch)

    async def expire(self, order_id: int) -> bool:
        """Apply the transition of a passed deadline, unless the order has moved meanwhile or is locked."""
        async with self._db.transaction() as tx:
            order = await OrderRepository(tx).lock_due(order_id, self._clock.now())
            deadline = deadline_of(order) if order else None
            if order is None or deadline is None:
                return False
            await self._transitions.apply(tx, order, decide(order, deadline.action, Role.SYSTEM))
        return True

    # Payment.

    async def payment_link(self, actor: Actor, order_id: int) -> str:
        """A signed link that pays for the order without a token (D26). It does not start a payment yet."""
        order = await OrderRepository(self._db).find(order_id)
        decide(order, Action.PAY, acting_role(order, actor))
        return self.link_to_pay(order.id)

    async def kind_of(self, order_id: int) -> Kind:
        """:raises OrderUnknown:"""
        return (await OrderRepository(self._db).find(order_id)).kind

    def link_to_pay(self, order_id: int) -> str:
        """The same link without checks, for mails to the buyer. It is valid for a month, and pays for an order once."""
        signature = self._signer.sign_until(self._clock.now() + LINK_LIFE, "pay", order_id)
        return f"{self._public_url}/payments/?order_id={order_id}&sig={signature}"

    async def pay(self, actor: Actor, order_id: int, method: str | None = None) -> str:
        """Start a payment; answer the link that leads to the provider's page. Does not wait for the provider.

        :param method: None = the buyer may choose on the page of the link, if there is more than one.
        :raises MethodNotOffered:
        """
        await self._limit(actor, Action.PAY)
        async with self._db.transaction() as tx:
            order, transition = await self._transitions.decide(tx, actor, order_id, Action.PAY)
            await self._transitions.begin_payment(tx, order, transition, method, may_choose=method is None)
        return self.link_to_pay(order_id)

    async def payment_choice(self, order_id: int, signature: str) -> PaymentChoice | None:
        """What the buyer behind a payment link chooses from; None = there is no choice. Raises as `pay_by_link`."""
        self._require_link_to_pay(order_id, signature)
        methods = await self._payments.offered(self._db, order_id)
        order = await OrderRepository(self._db).find(order_id)
        choice = choice_of(order.id, order.total_price, methods, await self._payments.of_order(order_id))
        if choice is not None:
            decide(order, Action.PAY, Role.BUYER)
        return choice

    async def pay_by_link(self, order_id: int, signature: str, method: str | None = None) -> str:
        """Follow a payment link: the URL of the provider's page, for the open payment or a new one.

        :param method: of a new payment; an open one keeps its own. :raises MethodNotOffered:
        :raises PaymentStopped: the provider refuses a payment for this order. :raises MethodRefused: with this method.
        :raises PaymentLinkRefused: the signature is wrong or too old. :raises PaymentSettled: the order is paid.
        :raises Unavailable: the provider does not answer.
        """
        self._require_link_to_pay(order_id, signature)
        try:
            return await self._provider_page(order_id, method)
        except PaymentOver:
            # The provider has just reported that the open payment expired, so a new one can be started.
            return await self._provider_page(order_id, method)

    def _require_link_to_pay(self, order_id: int, signature: str) -> None:
        """:raises PaymentLinkRefused:"""
        if not self._signer.verify_until(signature, self._clock.now(), "pay", order_id):
            raise PaymentLinkRefused

    async def resume_payment(self, by: Actor | None, order_id: int) -> None:
        """Let the buyer pay again after a refusal whose cause is mended. For staff; ``by`` None: the operator.

        :raises OrderUnknown: there is none. :raises ActionForbidden: the actor may not. :raises PaymentNotStopped:
        """
        async with self._db.transaction() as tx:
            order = await self._locked_by_staff(tx, by, order_id)
            if order.payment_refusal is None:
                raise PaymentNotStopped
            await OrderRepository(tx).set_payment_refusal(order, None, self._clock.now())
            await tx.publish(OrderMoneyDecided(order, Role.STAFF, order.status, "resume_payment"))

    async def refund_again(self, by: Actor | None, order_id: int) -> None:
        """Begin a failed refund of all the rest anew. For staff; ``by`` None: the operator at the command line.

        :raises OrderUnknown: there is none. :raises ActionForbidden: the actor may not. :raises RefundNotFailed:
        """
        async with self._db.transaction() as tx:
            order = await self._locked_by_staff(tx, by, order_id)
            if by is not None:
                await self._step_up.require_recent(tx, by)
            await self._payments.refund_again(tx, order.id)
            await tx.publish(OrderMoneyDecided(order, Role.STAFF, order.status, "refund_again"))

    async def _locked_by_staff(self, tx: Tx, by: Actor | None, order_id: int) -> Order:
        order = await OrderRepository(tx).lock(order_id)
        if by is not None and acting_role(order, by) is not Role.STAFF:
            raise ActionForbidden
        return order

    # Reading.

    async def status_of(self, tx: Tx, order_id: int) -> Status:
        """For listeners to the order's payments. :raises OrderUnknown: there is none."""
        return (await OrderRepository(tx).find(order_id)).status

    def link_to_watch(self, order_id: int) -> str:
        """A signed link that plays the delivered video without a token for a month, for the mail to the buyer."""
        signature = self._signer.sign_until(self._clock.now() + LINK_LIFE, "watch", order_id)
        return f"{self._public_url}/api/order/video/?order_id={order_id}&sig={signature}"

    async def watch_by_link(self, order_id: int, signature: str) -> str:
        """Follow such a link: the path of the video, signed for an hour.

        :raises OrderUnknown: the signature is wrong or too old, nothing is delivered, or the greeting is unpaid.
        """
        if not self._signer.verify_until(signature, self._clock.now(), "watch", order_id):
            raise OrderUnknown
        for entry in await OrderRepository(self._db).entries(order_id=order_id, greetings=True):
            if entry.video is not None and entry.order.is_open_to_buyer:
                return self._files.private_url(entry.video)
        raise OrderUnknown

    @staticmethod
    def allowed_actions(order: Order, actor: Actor) -> tuple[Allowed, ...]:
        role = order.role_of(actor)
        return state_machine.allowed_actions(order, role) if role else ()

    async def recount(self) -> list[Difference]:
        """Where orders differ from their payments, or creators' counters from their orders; empty when all is well."""
        return await OrderRepository(self._db).differences()

    async def _limit(self, actor: Actor, action: Action) -> None:
        """Every action is told to the other party, or asks the provider. Staff have no limit. :raises TooMany:

        An action inside its caller's transaction, which may not wait for Redis, is not counted: an upload that delivers
        a greeting has a limit of its own.
        """
        if not (actor.is_staff or in_transaction()):
            await self._limits.hit("order_action", actor.id)
            if action in _LIMITS:
                await self._limits.hit(_LIMITS[action], actor.id)

    async def _act(self, actor: Actor, order_id: int, action: Action, reason: str = "") -> Order:
        await self._limit(actor, action)
        async with self._db.transaction() as tx:
            order, transition = await self._transitions.decide(tx, actor, order_id, action)
            await self._require_step_up(tx, actor, order, transition)
            return await self._transitions.apply(
                tx, order, transition, actor.id, details={"reason": reason} if reason else {}
            )

    async def _require_step_up(self, tx: Tx, actor: Actor, order: Order, transition: Transition) -> None:
        gives_back = transition.action in (Action.REFUND, Action.REFUND_PART) or (
            transition.action is Action.CANCEL and order.money is Money.CAPTURED
        )
        if gives_back and transition.role is Role.STAFF:
            await self._step_up.require_recent(tx, actor)

    async def _provider_page(self, order_id: int, method: str | None = None) -> str:
        async with self._db.transaction() as tx:
            order = await OrderRepository(tx).lock(order_id)
            if order.money in PAID:
                # A second click on the link reports "paid" instead of an action that is not allowed.
                raise PaymentSettled
            payment = await self._transitions.begin_payment(tx, order, decide(order, Action.PAY, Role.BUYER), method)
        return await self._payments.confirmation_url(payment.id, PAYMENT_PATIENCE)
