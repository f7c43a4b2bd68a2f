"""All records of the simulated provider, rebuilt from the journal at the start."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from mystar.sandbox.journal import Journal, JournalBroken
from mystar.sandbox.pages import Clock
from mystar.sandbox.yookassa.records import (
    OPEN_STATUSES,
    Deal,
    IdempotentCall,
    JournalEvent,
    Payment,
    Payout,
    PayoutGateway,
    PersonalData,
    Receipt,
    Record,
    Refund,
    Refused,
    as_text,
)

KEY_LIFETIME = timedelta(hours=24)

_TYPES: dict[str, type[Any]] = {
    "payment": Payment,
    "refund": Refund,
    "payout": Payout,
    "gateway": PayoutGateway,
    "deal": Deal,
    "receipt": Receipt,
    "personal_data": PersonalData,
}
_NAMES = {record_type: name for name, record_type in _TYPES.items()}
#: Records whose id has a field of its own in every line.
_WITH_ID = ("payment", "refund", "payout", "deal", "receipt")


class RecordStore:
    """Writes the journal line first, then applies it. No method awaits, so calls never interleave."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self.clock = journal, clock
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self.payouts: dict[str, Payout] = {}
        self.gateways: dict[str, PayoutGateway] = {}
        self.deals: dict[str, Deal] = {}
        self.receipts: dict[str, Receipt] = {}
        self.personal_data: dict[str, PersonalData] = {}
        self._tables: dict[str, dict[str, Any]] = {
            "payment": self.payments,
            "refund": self.refunds,
            "payout": self.payouts,
            "gateway": self.gateways,
            "deal": self.deals,
            "receipt": self.receipts,
            "personal_data": self.personal_data,
        }
        self._open: dict[str, Record] = {}
        self._results: dict[tuple[str, str], tuple[str, str, Record]] = {}
        self._number = 0
        self._listeners: list[Callable[[JournalEvent], None]] = []
        # What the merchant was, or should have been, notified of before this start.
        self.past = list(self._replay(journal))

    def listen(self, listener: Callable[[JournalEvent], None]) -> None:
        self._listeners.append(listener)

    def now(self) -> datetime:
        return self.clock()

    def open_records(self, record_type: type[Any]) -> list[Any]:
        """Records of this type in a status that time may change, oldest first."""
        return [record for record in self._open.values() if isinstance(record, record_type)]

    def repeated(self, call: IdempotentCall) -> Record | None:
        """The first result of the same call. Raises Refused when the key came with another body."""
        found = self._results.get((call.account, call.key))
        if found is None or found[1] < as_text(self.clock() - KEY_LIFETIME):
            return None
        fingerprint, _, result = found
        if fingerprint != call.fingerprint:
            raise Refused("Idempotence key duplicated", "Idempotence-Key")
        return result

    def write(
        self,
        kind: str,
        subject: Record,
        *changed: Record,
        amount: int,
        metadata: dict[str, str] | None = None,
        call: IdempotentCall | None = None,
        event: str | None = None,
    ) -> None:
        """Journal what was done (kind, kopecks, key) with the whole state of every changed record after it."""
        records: dict[str, Record] = {_NAMES[type(record)]: record for record in (subject, *changed)}
        line = {
            "number": self._number + 1,
            "at": as_text(self.clock()),
            "kind": kind,
            "subject": _NAMES[type(subject)],
            "amount": amount,
            "account": call and call.account,
            "idempotence_key": call and call.key,
            "fingerprint": call and call.fingerprint,
            "metadata": metadata or {},
            "event": event,
            **{f"{name}_id": record.id if (record := records.get(name)) else None for name in _WITH_ID},
            **{name: asdict(record) for name, record in records.items()},
        }
        self._journal.append(line)
        if happened := self._apply(line):
            for listener in self._listeners:
                listener(happened)

    def _replay(self, journal: Journal) -> Iterator[JournalEvent]:
        for place, line in enumerate(journal, 1):
            try:
                event = self._apply(line)
            except (KeyError, TypeError) as error:
                raise JournalBroken(f"{journal.path}, line {place} is not an entry: {error!r}") from error
            if event:
                yield event

    def _apply(self, line: dict[str, Any]) -> JournalEvent | None:
        self._number = line["number"]
        records = {name: record_type(**line[name]) for name, record_type in _TYPES.items() if line.get(name)}
        for name, record in records.items():
            self._keep(name, record)
        # A line of an earlier version names no subject.
        subject = records[line.get("subject") or ("refund" if "refund" in records else "payment")]
        if line["idempotence_key"]:
            key = (line.get("account") or "", line["idempotence_key"])
            self._results[key] = (line["fingerprint"], line["at"], subject)
        return JournalEvent(line["number"], line["event"], subject) if line["event"] else None

    def _keep(self, name: str, record: Any) -> None:
        self._tables[name][record.id] = record
        if getattr(record, "status", None) in OPEN_STATUSES:
            self._open[record.id] = record
        else:
            self._open.pop(record.id, None)
