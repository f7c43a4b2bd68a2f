"""The rules of payouts: a separately funded balance, destinations that fail by their number, and late endings."""

from dataclasses import dataclass, replace
from datetime import timedelta

from mystar.sandbox.faults import Faults
from mystar.sandbox.yookassa.deals import DealSimulator
from mystar.sandbox.yookassa.records import (
    CANCELED,
    PENDING,
    SUCCEEDED,
    IdempotentCall,
    Json,
    Payout,
    PayoutGateway,
    PersonalData,
    Record,
    Refused,
    Unknown,
    as_text,
    new_id,
)
from mystar.sandbox.yookassa.store import RecordStore

#: Kopecks on a gateway that was never funded by a request to the sandbox.
FIRST_BALANCE = 100_000_000
#: Kopecks: the least and the most of one payout, by kind of destination.
LIMITS = {"bank_card": (500, 50_000_000), "sbp": (100, 50_000_000), "yoo_money": (100, 50_000_000)}
DEAL_LIMITS = {"bank_card": (100, 15_000_000), "yoo_money": (100, 50_000_000)}

#: Every reason of a cancellation, in the order of the last two digits (from 01) of a card or a phone that meets it.
REASONS = (
    "insufficient_funds",
    "fraud_suspected",
    "one_time_limit_exceeded",
    "periodic_limit_exceeded",
    "rejected_by_payee",
    "general_decline",
    "issuer_unavailable",
    "recipient_not_found",
    "recipient_check_failed",
    "identification_required",
)
#: The provider's own test wallets.
WALLETS = {
    "410011806060766": "insufficient_funds",
    "41001614575572": "one_time_limit_exceeded",
    "41001614575643": "periodic_limit_exceeded",
    "410011788545536": "general_decline",
}
#: Phones and cards that begin so fail by their last two digits.
FAILING_PHONES, FAILING_CARDS = "790000000", "220000"
#: A recipient of this last name fails the bank's check of names.
MISMATCHED_NAME = "Несовпадающий"

BANKS = (
    ("100000000111", "Сбербанк", "044525225"),
    ("100000000004", "Т-Банк", "044525974"),
    ("100000000008", "Альфа-Банк", "044525593"),
    ("100000000005", "Банк ВТБ", "044525187"),
    ("100000000007", "Райффайзен Банк", "044525700"),
)
PERSONAL_DATA_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class PayoutDraft:
    """What a new payout is asked with. `number` is the card, phone or wallet; it is never kept whole."""

    amount: int
    description: str | None
    metadata: dict[str, str]
    kind: str
    number: str
    destination: Json
    deal_id: str | None = None
    personal_data: tuple[str, ...] = ()


class PayoutSimulator:
    """Payouts of one gateway, and those of the merchant's deals."""

    def __init__(self, store: RecordStore, deals: DealSimulator, faults: Faults, gateway_id: str) -> None:
        self._store, self._deals, self._faults, self._gateway_id = store, deals, faults, gateway_id

    @property
    def gateway(self) -> PayoutGateway:
        return self._store.gateways.get(self._gateway_id) or PayoutGateway(self._gateway_id, FIRST_BALANCE)

    def set_balance(self, balance: int) -> PayoutGateway:
        gateway = replace(self.gateway, balance=balance)
        self._store.write("gateway.balance_set", gateway, amount=balance)
        return gateway

    def get(self, payout_id: str, account: str | None = None) -> Payout:
        """Raises Unknown when another account asks; None is the sandbox itself."""
        payout = self._store.payouts.get(payout_id)
        if payout is None or account not in (None, payout.account):
            raise Unknown("Payout")
        return self._settle_if_due(payout)

    def create(self, call: IdempotentCall, draft: PayoutDraft) -> Payout:
        """A new payout is pending in the answer, even when it ends at once."""
        self._check(draft)
        now = self._store.now()
        payout = Payout(
            id=f"po-{new_id(now)}",
            account=call.account,
            status=PENDING,
            amount=draft.amount,
            description=draft.description,
            metadata=draft.metadata,
            destination=draft.destination,
            created_at=as_text(now),
            due_at=self._due_at(),
            outcome=self._outcome(draft),
            deal_id=draft.deal_id,
        )
        self._store.write("payout.created", payout, amount=draft.amount, metadata=draft.metadata, call=call)
        self._settle_if_due(payout)
        return payout

    def _check(self, draft: PayoutDraft) -> None:
        limits = (DEAL_LIMITS if draft.deal_id else LIMITS).get(draft.kind)
        if limits is None:
            raise Refused("The destination is not available in deals", "payout_destination_data.type")
        if not limits[0] <= draft.amount <= limits[1]:
            raise Refused("Amount is out of the limits of the destination", "amount.value")
        if draft.deal_id:
            self._deals.check_payout(draft.deal_id, draft.amount)
        for personal_data_id in draft.personal_data:
            if personal_data_id not in self._store.personal_data:
                raise Refused("No such personal data", "personal_data.id")

    def _due_at(self) -> str | None:
        if self._faults["payouts.hold"]:
            return None
        return as_text(self._store.now() + timedelta(seconds=self._faults["payouts.pending_seconds"]))

    def _outcome(self, draft: PayoutDraft) -> str | None:
        names = [self._store.personal_data[personal_data_id].name for personal_data_id in draft.personal_data]
        if any(name.startswith(MISMATCHED_NAME) for name in names):
            return "recipient_check_failed"
        if self._faults.strikes("payouts.canceled"):
            return "general_decline"
        return reason_of(draft.kind, draft.number)

    def settle_due(self) -> None:
        for payout in self._store.open_records(Payout):
            self._settle_if_due(payout)

    def _settle_if_due(self, payout: Payout) -> Payout:
        if payout.status != PENDING or payout.due_at is None or payout.due_at > as_text(self._store.now()):
            return payout
        return self._cancel(payout, payout.outcome) if payout.outcome else self._succeed(payout)

    def succeed(self, payout_id: str) -> Payout:
        """End a pending payout well, whatever awaited it."""
        return self._succeed(self._pending(payout_id))

    def cancel(self, payout_id: str, reason: str) -> Payout:
        if reason not in REASONS:
            raise Refused("No such reason", "reason")
        return self._cancel(self._pending(payout_id), reason)

    def give_back(self, payout_id: str) -> Payout:
        """The bank returns a successful payout. Only a register by mail tells of it: no status, no notification."""
        payout = self.get(payout_id)
        if payout.status != SUCCEEDED or payout.returned_at:
            raise Refused(f"Payout is {payout.status}", "payout_id")
        returned = replace(payout, returned_at=as_text(self._store.now()))
        changed = [] if payout.deal_id else [replace(self.gateway, balance=self.gateway.balance + payout.amount)]
        self._write("payout.returned", returned, *changed)
        return returned

    def _pending(self, payout_id: str) -> Payout:
        payout = self.get(payout_id)
        if payout.status != PENDING:
            raise Refused(f"Payout is {payout.status}", "payout_id")
        return payout

    def _succeed(self, payout: Payout) -> Payout:
        if not payout.deal_id and payout.amount > self.gateway.balance:
            return self._cancel(payout, "insufficient_funds")
        paid = replace(payout, status=SUCCEEDED, succeeded_at=as_text(self._store.now()), due_at=None)
        changed = [] if payout.deal_id else [replace(self.gateway, balance=self.gateway.balance - payout.amount)]
        self._write("payout.succeeded", paid, *changed, event="payout.succeeded")
        if payout.deal_id:
            self._deals.close(payout.deal_id)
        return paid

    def _cancel(self, payout: Payout, reason: str) -> Payout:
        party = "yoo_money" if reason in ("insufficient_funds", "fraud_suspected") else "payout_network"
        details = {"party": party, "reason": reason}
        canceled = replace(payout, status=CANCELED, cancellation=details, due_at=None)
        self._write("payout.canceled", canceled, event="payout.canceled")
        return canceled

    def _write(self, kind: str, payout: Payout, *changed: Record, event: str | None = None) -> None:
        self._store.write(kind, payout, *changed, amount=payout.amount, metadata=payout.metadata, event=event)

    def personal_data(self, personal_data_id: str) -> PersonalData:
        if personal_data_id not in self._store.personal_data:
            raise Unknown("Personal_data")
        return self._store.personal_data[personal_data_id]

    def add_personal_data(self, call: IdempotentCall, kind: str, name: str, metadata: dict[str, str]) -> PersonalData:
        now = self._store.now()
        times = as_text(now), as_text(now + PERSONAL_DATA_LIFETIME)
        data = PersonalData(new_id(now), kind, "active", name, metadata, *times)
        self._store.write("personal_data.created", data, amount=0, metadata=metadata, call=call)
        return data


def reason_of(kind: str, number: str) -> str | None:
    """The cancellation that awaits this card, phone or wallet; None means success."""
    if kind == "yoo_money":
        return WALLETS.get(number)
    prefix = FAILING_PHONES if kind == "sbp" else FAILING_CARDS
    place = int(number[-2:]) if number.startswith(prefix) and number[-2:].isdecimal() else 0
    return REASONS[place - 1] if 1 <= place <= len(REASONS) else None
