"""Payments, holds and refunds as the provider keeps them: what may follow what, and a journal line for every deed.

Amounts are integer kopecks. Times are text as YooKassa prints them (UTC, milliseconds, "Z"), which also sorts by time.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mystar.sandbox.journal import Journal, JournalBroken

PENDING, HELD, SUCCEEDED, CANCELED = "pending", "waiting_for_capture", "succeeded", "canceled"

# Bank cards (YooKassa's documentation): an hour to pay, seven days to capture.
PAY_WITHIN = timedelta(hours=1)
CAPTURE_WITHIN = timedelta(days=7)
KEY_LIVES = timedelta(hours=24)

Clock = Callable[[], datetime]


class Refused(Exception):
    """A deed that the rules forbid; nothing happened. `parameter` is the one to blame, in YooKassa's words."""

    def __init__(self, description: str, parameter: str | None = None) -> None:
        super().__init__(description)
        self.description, self.parameter = description, parameter


class Unknown(Exception):
    """No such payment or refund."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} doesn't exist or access denied")
        self.parameter = f"{what.lower()}_id"


@dataclass(frozen=True, slots=True)
class Payment:
    id: str
    status: str
    amount: int
    two_stage: bool
    description: str | None
    metadata: dict[str, str]
    return_url: str
    created_at: str
    expires_at: str | None
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    captured_at: str | None = None
    cancellation: dict[str, str] | None = None

    @property
    def held(self) -> int:
        """What is blocked on the card now."""
        return self.authorized if self.status == HELD else 0

    @property
    def released(self) -> int:
        """What was blocked and given back; so authorized = held + captured + released at any time."""
        return self.authorized - self.captured - self.held


@dataclass(frozen=True, slots=True)
class Refund:
    id: str
    payment_id: str
    amount: int
    description: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class Errand:
    """One call that must have its effect once: the Idempotence-Key and a digest of what was asked with it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A deed that the shop is told about. `number` is its line in the journal."""

    number: int
    event: str
    subject: Payment | Refund


class Bank:
    """All payments of the shop, rebuilt from the journal.

    Every method that changes something writes its line first, then changes, and has no `await`: calls never interleave.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self._open: dict[str, None] = {}
        self._done: dict[str, tuple[str, str, Payment | Refund]] = {}
        self._number = 0
        self._listeners: list[Callable[[Fact], None]] = []
        # What the shop was, or should have been, told before this start.
        self.past = list(self._replay(journal))

    def listen(self, listener: Callable[[Fact], None]) -> None:
        self._listeners.append(listener)

    def repeated(self, errand: Errand) -> Payment | Refund | None:
        """The first result of the same call, if it was made. Raises Refused when the key came with another body."""
        if errand.key not in self._done:
            return None
        fingerprint, at, result = self._done[errand.key]
        if at < _text(self._clock() - KEY_LIVES):
            return None
        if fingerprint != errand.fingerprint:
            raise Refused("Idempotence key duplicated", "Idempotence-Key")
        return result

    def payment(self, payment_id: str) -> Payment:
        if payment_id not in self.payments:
            raise Unknown("Payment")
        self._expire_if_due(self.payments[payment_id])
        return self.payments[payment_id]

    def refund(self, refund_id: str) -> Refund:
        if refund_id not in self.refunds:
            raise Unknown("Refund")
        return self.refunds[refund_id]

    def create(
        self,
        errand: Errand,
        *,
        amount: int,
        two_stage: bool,
        description: str | None,
        metadata: dict[str, str],
        return_url: str,
    ) -> Payment:
        now = self._clock()
        payment = Payment(
            id=_new_id(now),
            status=PENDING,
            amount=amount,
            two_stage=two_stage,
            description=description,
            metadata=metadata,
            return_url=return_url,
            created_at=_text(now),
            expires_at=_text(now + PAY_WITHIN),
        )
        return self._write("payment.created", payment, amount, errand=errand)

    def pay(self, payment_id: str) -> Payment:
        """The buyer pays: a hold in two stages, the money itself in one."""
        payment = self._in_status(payment_id, PENDING)
        now = self._clock()
        if payment.two_stage:
            held = replace(payment, status=HELD, authorized=payment.amount, expires_at=_text(now + CAPTURE_WITHIN))
            return self._write("payment.held", held, held.amount, event="payment.waiting_for_capture")
        paid = replace(
            payment,
            status=SUCCEEDED,
            authorized=payment.amount,
            captured=payment.amount,
            captured_at=_text(now),
            expires_at=None,
        )
        return self._write("payment.captured", paid, paid.captured, event="payment.succeeded")

    def decline(self, payment_id: str, reason: str = "general_decline") -> Payment:
        """The buyer or the bank says no."""
        payment = self._in_status(payment_id, PENDING)
        return self._cancel(payment, "payment_network", reason)

    def capture(self, errand: Errand, payment_id: str, amount: int | None) -> Payment:
        """Take the held money, or a part of it; the rest goes back to the buyer at once."""
        payment = self._in_status(payment_id, HELD)
        taken = payment.amount if amount is None else amount
        if taken > payment.authorized:
            raise Refused("Amount exceeds the amount held", "amount.value")
        now = _text(self._clock())
        captured = replace(payment, status=SUCCEEDED, captured=taken, captured_at=now, expires_at=None)
        return self._write("payment.captured", captured, taken, errand=errand, event="payment.succeeded")

    def cancel(self, errand: Errand, payment_id: str) -> Payment:
        """Release the hold."""
        payment = self._in_status(payment_id, HELD)
        return self._cancel(payment, "merchant", "canceled_by_merchant", errand)

    def give_back(self, errand: Errand, payment_id: str, amount: int, description: str | None) -> Refund:
        payment = self._in_status(payment_id, SUCCEEDED)
        if amount > payment.captured - payment.refunded:
            raise Refused("Amount exceeds the amount left to refund", "amount.value")
        now = self._clock()
        refund = Refund(_new_id(now), payment_id, amount, description, _text(now))
        changed = replace(payment, refunded=payment.refunded + amount)
        self._write("payment.refunded", changed, amount, errand=errand, event="refund.succeeded", refund=refund)
        return refund

    def expire(self, payment_id: str) -> Payment:
        """Let the time of an open payment be over now."""
        payment = self.payment(payment_id)
        if payment.status not in (PENDING, HELD):
            raise Refused(f"Payment is {payment.status}, it does not expire", "payment_id")
        return self._expire(payment)

    def expire_due(self) -> None:
        for payment_id in list(self._open):
            self._expire_if_due(self.payments[payment_id])

    def _in_status(self, payment_id: str, status: str) -> Payment:
        payment = self.payment(payment_id)
        if payment.status != status:
            raise Refused(f"Payment must be in status {status}, but it is {payment.status}", "payment_id")
        return payment

    def _expire_if_due(self, payment: Payment) -> None:
        if payment.status in (PENDING, HELD) and (payment.expires_at or "") <= _text(self._clock()):
            self._expire(payment)

    def _expire(self, payment: Payment) -> Payment:
        reason = "expired_on_confirmation" if payment.status == PENDING else "expired_on_capture"
        return self._cancel(payment, "yoo_money", reason)

    def _cancel(self, payment: Payment, party: str, reason: str, errand: Errand | None = None) -> Payment:
        canceled = replace(payment, status=CANCELED, expires_at=None, cancellation={"party": party, "reason": reason})
        return self._write("payment.canceled", canceled, payment.held, errand=errand, event="payment.canceled")

    def _write(
        self,
        kind: str,
        payment: Payment,
        amount: int,
        *,
        errand: Errand | None = None,
        event: str | None = None,
        refund: Refund | None = None,
    ) -> Payment:
        """The line says what was done (kind, kopecks, key) and holds the whole state after it: the last line wins."""
        line = {
            "number": self._number + 1,
            "at": _text(self._clock()),
            "kind": kind,
            "payment_id": payment.id,
            "refund_id": refund and refund.id,
            "amount": amount,
            "idempotence_key": errand and errand.key,
            "metadata": payment.metadata,
            "event": event,
            "fingerprint": errand and errand.fingerprint,
            "payment": asdict(payment),
            "refund": refund and asdict(refund),
        }
        self._journal.append(line)
        if fact := self._apply(line):
            for listener in self._listeners:
                listener(fact)
        return payment

    def _replay(self, journal: Journal) -> Iterator[Fact]:
        for place, line in enumerate(journal, 1):
            try:
                fact = self._apply(line)
            except (KeyError, TypeError) as error:
                raise JournalBroken(f"{journal.path}, line {place} is no deed: {error!r}") from error
            if fact:
                yield fact

    def _apply(self, line: dict[str, Any]) -> Fact | None:
        self._number = line["number"]
        payment = Payment(**line["payment"])
        refund = Refund(**line["refund"]) if line["refund"] else None
        self.payments[payment.id] = payment
        if refund:
            self.refunds[refund.id] = refund
        if payment.status in (PENDING, HELD):
            self._open[payment.id] = None
        else:
            self._open.pop(payment.id, None)
        if line["idempotence_key"]:
            self._done[line["idempotence_key"]] = (line["fingerprint"], line["at"], refund or payment)
        return Fact(line["number"], line["event"], refund or payment) if line["event"] else None


def _new_id(now: datetime) -> str:
    """36 characters that look like YooKassa's own: 2e2e6d5c-000f-5000-8000-18db351245c7."""
    return f"{int(now.timestamp()) & 0xFFFFFFFF:08x}-000f-5000-8000-{secrets.token_hex(6)}"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
