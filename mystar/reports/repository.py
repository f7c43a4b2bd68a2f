"""The rows of reports and their cases."""

from __future__ import annotations

import json
from datetime import datetime

from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.postgres.queries import load
from mystar.kit.web.pagination import PageRequest
from mystar.reports.model import Case, Decision, ObjectKind, Reason, Report, ReportedUnknown, ReportUnknown, Seen

QUERIES = load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={"reports": QUERIES.export_reports, "report_decisions": QUERIES.export_report_decisions},
    erasures=(QUERIES.erase_comments, QUERIES.erase_seen, QUERIES.erase_notes),
)
_SEEN = {
    ObjectKind.SERVICE: QUERIES.seen_service,
    ObjectKind.REVIEW: QUERIES.seen_review,
    ObjectKind.MESSAGE: QUERIES.seen_message,
    ObjectKind.PERSON: QUERIES.seen_person,
}


class ReportRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def seen(self, actor_id: int, kind: ObjectKind, object_id: int) -> Seen:
        """:raises ReportedUnknown: the actor does not see it."""
        row = await self._tx.one_or_none(_SEEN[kind], id=object_id, actor_id=actor_id)
        if row is None:
            raise ReportedUnknown
        return Seen(**row)

    async def open_case(self, kind: ObjectKind, object_id: int, account_id: int, now: datetime) -> int:
        """The id of the object's open case, with one more report; it is locked."""
        return int(
            await self._tx.value(QUERIES.open_case, kind=str(kind), object_id=object_id, account_id=account_id, now=now)
        )

    async def add(self, case_id: int, reporter_id: int, reason: Reason, comment: str, seen: Seen, now: datetime) -> int:
        """:raises ReportExists: of this account in this case."""
        return int(
            await self._tx.value(
                QUERIES.add_report,
                case_id=case_id,
                reporter_id=reporter_id,
                reason=str(reason),
                comment=comment,
                seen=json.dumps(seen.text, ensure_ascii=False, default=str),
                now=now,
            )
        )

    async def open_report(self, reporter_id: int, kind: ObjectKind, object_id: int) -> int | None:
        """The id of the account's report about it that is not decided yet."""
        row = await self._tx.one_or_none(
            QUERIES.open_report, reporter_id=reporter_id, kind=str(kind), object_id=object_id
        )
        return int(row["id"]) if row else None

    async def of(self, reporter_id: int, page: PageRequest) -> list[Report]:
        rows = await self._tx.all(QUERIES.reports_of, reporter_id=reporter_id, limit=page.size, offset=page.offset)
        return [_report(row) for row in rows]

    async def count_of(self, reporter_id: int) -> int:
        return int(await self._tx.value(QUERIES.count_reports_of, reporter_id=reporter_id))

    async def find(self, reporter_id: int, report_id: int) -> Report:
        """:raises ReportUnknown: it is not this account's."""
        row = await self._tx.one_or_none(QUERIES.report, id=report_id, reporter_id=reporter_id)
        if row is None:
            raise ReportUnknown
        return _report(row)

    async def case(self, case_id: int, *, lock: bool = False) -> Case:
        """:raises ReportUnknown:"""
        row = await self._tx.one_or_none(QUERIES.lock_case if lock else QUERIES.report_case, id=case_id)
        if row is None:
            raise ReportUnknown
        decision = Decision(row["decision"]) if row["decision"] else None
        return Case(**{**row, "kind": ObjectKind(row["kind"]), "decision": decision})

    async def decide(self, case_id: int, decision: Decision, note: str, actor_id: int, now: datetime) -> None:
        await self._tx.execute(
            QUERIES.decide_case, id=case_id, decision=str(decision), note=note, actor_id=actor_id, now=now
        )

    async def reporters(self, case_id: int) -> tuple[tuple[int, int], ...]:
        """Their ids, each with that of the report."""
        rows = await self._tx.all(QUERIES.reporters, id=case_id)
        return tuple((row["reporter_id"], row["id"]) for row in rows)


def _report(row: Row) -> Report:
    return Report(**{**row, "kind": ObjectKind(row["kind"]), "reason": Reason(row["reason"])})
