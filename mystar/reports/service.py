"""Reporting, and deciding about reports."""

from __future__ import annotations

from mystar.accounts.model import Actor
from mystar.accounts.staff.service import StaffService
from mystar.catalog.service import CatalogService
from mystar.chat.moderation import Moderation
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.web.pagination import Page, PageRequest
from mystar.reports.model import (
    Case,
    CaseClosed,
    CaseDecided,
    CaseGrown,
    Decision,
    DecisionImpossible,
    NoteNeeded,
    ObjectKind,
    OwnCase,
    OwnReport,
    Reason,
    Report,
    ReportExists,
)
from mystar.reports.repository import ReportRepository
from mystar.reviews.service import ReviewService


class ReportService:
    """Decisions are carried out by the domains whose objects they are about, in the transaction of the decision."""

    def __init__(
        self,
        db: Database,
        limits: RateLimits,
        clock: Clock,
        *,
        catalog: CatalogService,
        reviews: ReviewService,
        messages: Moderation,
        staff: StaffService,
    ) -> None:
        self._db, self._limits, self._clock = db, limits, clock
        self._catalog, self._reviews, self._messages, self._staff = catalog, reviews, messages, staff

    async def report(self, actor: Actor, kind: ObjectKind, object_id: int, reason: Reason, comment: str) -> Report:
        """Report what the actor sees; what stands there now is kept.

        :param object_id: of the service, review, message or account.
        :raises ReportedUnknown: :raises OwnReport: :raises ReportExists: not decided yet. :raises TooMany:
        """
        await self._limits.hit("report", actor.id)
        async with self._db.transaction() as tx:
            reports, now = ReportRepository(tx), self._clock.now()
            seen = await reports.seen(actor.id, kind, object_id)
            if seen.account_id == actor.id:
                raise OwnReport
            case_id = await reports.open_case(kind, object_id, seen.account_id, now)
            # Again: the case waits for the erasure of an account, after which nothing of it may be kept.
            seen = await reports.seen(actor.id, kind, object_id)
            # Under the lock of the case: of two requests at once the second one finds the first.
            if (first := await reports.open_report(actor.id, kind, object_id)) is not None:
                raise ReportExists(report_id=first)
            report_id = await reports.add(case_id, actor.id, reason, comment, seen, now)
            return await reports.find(actor.id, report_id)

    async def reports(self, actor: Actor, page: PageRequest) -> Page[Report]:
        """The actor's, newest first."""
        reports = ReportRepository(self._db)
        return Page(await reports.of(actor.id, page), await reports.count_of(actor.id))

    async def read(self, actor: Actor, report_id: int) -> Report:
        """:raises ReportUnknown: it is not the actor's."""
        return await ReportRepository(self._db).find(actor.id, report_id)

    async def case(self, actor: Actor, case_id: int) -> Case:
        """:raises Forbidden: not staff. :raises ReportUnknown:"""
        actor.require_staff()
        return await ReportRepository(self._db).case(case_id)

    async def decide(
        self, actor: Actor, case_id: int, decision: Decision, note: str = "", *, seen: int | None = None
    ) -> Case:
        """Decide about all reports of a case, and do what is decided.

        :param note: what the person reads whom it is about; of a dismissal nothing is told.
        :param seen: how many reports the decision is about; None = all.
        :raises Forbidden: not an operator, or a block of staff by no owner. :raises OwnCase: :raises CaseClosed:
        :raises CaseGrown: :raises DecisionImpossible: :raises NoteNeeded: :raises ReportUnknown:
        """
        actor.require_operator()
        async with self._db.shared() as tx:
            reports = ReportRepository(tx)
            case = await reports.case(case_id, lock=True)
            reporters = await reports.reporters(case_id)
            if case.decision is not None:
                raise CaseClosed
            if actor.id == case.account_id or any(actor.id == reporter for reporter, _ in reporters):
                raise OwnCase
            if decision not in case.decisions:
                raise DecisionImpossible
            if decision is Decision.WARN and not note:
                raise NoteNeeded
            if seen is not None and seen != case.reports:
                raise CaseGrown
            await reports.decide(case_id, decision, note, actor.id, self._clock.now())
            if decision is Decision.HIDE:
                await self._hide(actor, case)
            elif decision is Decision.BLOCK:
                await self._staff.block(actor, case.account_id)
            decided = await reports.case(case_id)
            await tx.publish(CaseDecided(decided, reporters))
        return decided

    async def _hide(self, actor: Actor, case: Case) -> None:
        """Its author is told with the decision, in one step with those who reported."""
        if case.kind is ObjectKind.SERVICE:
            await self._catalog.set_listed(actor, case.object_id, False, reason=None)
        elif case.kind is ObjectKind.REVIEW:
            await self._reviews.hide(actor, case.object_id, reason=None)
        else:
            await self._messages.remove(actor, case.object_id, reason=None)
