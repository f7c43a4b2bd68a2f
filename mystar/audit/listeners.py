"""Events that are written to the audit log, each in the transaction that published it."""

from __future__ import annotations

from collections.abc import Sequence

from mystar.accounts.factors.model import (
    FactorChanged,
    FactorRenamed,
    FactorsDropped,
    RecoveryCodesRenewed,
    RecoveryCodeUsed,
)
from mystar.accounts.model import (
    AccountBlocked,
    AccountUnblocked,
    ContactChangeUndone,
    FieldChanged,
    PasswordChanged,
    RoleChanged,
    SessionOpened,
    SessionsEnded,
)
from mystar.accounts.oauth.model import IdentityLinked, IdentityUnlinked
from mystar.accounts.phones import PhoneProven, PhoneReleased
from mystar.audit.service import AuditService
from mystar.chat.model import ConversationReadByStaff
from mystar.creators.model import TaxonomyChanged, VisibilityChanged
from mystar.earnings.details.model import DetailsChanged, PayoutsStopped
from mystar.earnings.model import BalanceAdjusted, ChargedBack, EarningDecided
from mystar.earnings.payouts.model import PayoutMoved
from mystar.earnings.rules.model import Rule, Terms, percent_text
from mystar.earnings.rules.service import RulesSet
from mystar.earnings.sending.model import PayoutQueueResumed
from mystar.kit.events import Events
from mystar.kit.money import rubles_text
from mystar.kit.postgres.database import Tx
from mystar.notifications.announcements.model import AnnouncementMade
from mystar.orders.model import STATUS_FACTS, OrderFact, OrderMoneyDecided, Role
from mystar.orders.studio.model import StudioOrderChanged, StudioOrderFact, StudioOrderQueued, StudioOrderWithdrawn
from mystar.payments.model import MoneyMoved, PaymentFailed
from mystar.reports.model import CaseDecided
from mystar.texts.model import Parts, TextChanged

_STUDIO = {
    StudioOrderQueued: "studio_order_queued",
    StudioOrderChanged: "studio_order_changed",
    StudioOrderWithdrawn: "studio_order_withdrawn",
}
#: Characters of each part of a changed text.
_LONGEST_SAID = 1000


class Listeners:
    """The actor is taken from the request (`AuditContext`), so events need not carry it."""

    def __init__(self, audit: AuditService) -> None:
        self._audit = audit

    def listen(self, events: Events) -> None:
        events.on(SessionOpened, self._signed_in)
        events.on(SessionsEnded, self._sessions_ended)
        events.on(PasswordChanged, self._password_changed)
        events.on(FieldChanged, self._field_changed)
        events.on(ContactChangeUndone, self._contact_change_undone)
        events.on(PhoneProven, self._phone_proven)
        events.on(PhoneReleased, self._phone_released)
        events.on(IdentityLinked, self._identity_linked)
        events.on(IdentityUnlinked, self._identity_unlinked)
        events.on(FactorChanged, self._factor_changed)
        events.on(FactorRenamed, self._factor_renamed)
        events.on(FactorsDropped, self._factors_dropped)
        events.on(RecoveryCodesRenewed, self._recovery_codes_renewed)
        events.on(RecoveryCodeUsed, self._recovery_code_used)
        events.on(AccountBlocked, self._blocked)
        events.on(AccountUnblocked, self._unblocked)
        events.on(RoleChanged, self._role_changed)
        events.on(MoneyMoved, self._money_moved)
        events.on(PaymentFailed, self._payment_failed)
        for fact in dict.fromkeys(STATUS_FACTS.values()):
            events.on(fact, self._order_decided)
        events.on(OrderMoneyDecided, self._order_money_decided)
        events.on(RulesSet, self._rules_set)
        events.on(VisibilityChanged, self._visibility_changed)
        events.on(ConversationReadByStaff, self._conversation_read)
        events.on(AnnouncementMade, self._announcement_made)
        events.on(TextChanged, self._text_changed)
        events.on(CaseDecided, self._case_decided)
        events.on(TaxonomyChanged, self._taxonomy_changed)
        events.on(BalanceAdjusted, self._balance_adjusted)
        events.on(ChargedBack, self._charged_back)
        events.on(EarningDecided, self._earning_decided)
        events.on(DetailsChanged, self._details_changed)
        events.on(PayoutsStopped, self._payouts_stopped)
        events.on(PayoutMoved, self._payout_moved)
        events.on(PayoutQueueResumed, self._payout_queue_resumed)
        for studio_fact in _STUDIO:
            events.on(studio_fact, self._studio_order)

    async def _signed_in(self, tx: Tx, event: SessionOpened) -> None:
        # The actor is the account that signs in, even if the request carries the token of another account.
        subject, details = _account(event.account_id), {"door": event.channel, "session": str(event.session_id)}
        if event.factor:
            details["factor"] = event.factor
        await self._audit.record(tx, "sign_in", subject, actor_id=event.account_id, **details)

    async def _sessions_ended(self, tx: Tx, event: SessionsEnded) -> None:
        which = str(event.session_id) if event.session_id else "all"
        await self._audit.record(tx, "sessions_ended", _account(event.account_id), session=which, reason=event.reason)

    async def _password_changed(self, tx: Tx, event: PasswordChanged) -> None:
        await self._audit.record(tx, "password_changed", _account(event.account_id), how=event.how)

    async def _field_changed(self, tx: Tx, event: FieldChanged) -> None:
        is_contact = event.field in ("email", "phone")
        before, after = map(_masked, (event.before, event.after)) if is_contact else (event.before, event.after)
        subject = _account(event.account_id)
        await self._audit.record(tx, "field_changed", subject, field=event.field, before=before, after=after)

    async def _announcement_made(self, tx: Tx, event: AnnouncementMade) -> None:
        one = event.announcement
        act = "announcement_stopped" if one.stopped_at else "announcement_sending"
        await self._audit.record(tx, act, f"announcement:{one.id}", audience=str(one.audience))

    async def _text_changed(self, tx: Tx, event: TextChanged) -> None:
        before, after = _said(event.before, event.after), _said(event.after, event.before)
        await self._audit.record(
            tx, "text_changed", f"text:{event.name}", version=event.version, before=before, after=after
        )

    async def _case_decided(self, tx: Tx, event: CaseDecided) -> None:
        case = event.case
        await self._audit.record(
            tx,
            "reports_decided",
            f"report_case:{case.id}",
            decision=str(case.decision),
            what=str(case.kind),
            id=case.object_id,
            account=case.account_id,
            reports=case.reports,
        )

    async def _phone_proven(self, tx: Tx, event: PhoneProven) -> None:
        subject, reason = _account(event.account_id), event.reason or None
        await self._audit.record(tx, "phone_proven", subject, by=event.by, reason=reason)

    async def _phone_released(self, tx: Tx, event: PhoneReleased) -> None:
        await self._audit.record(tx, "phone_released", _account(event.account_id), taken_by=event.taken_by)

    async def _contact_change_undone(self, tx: Tx, event: ContactChangeUndone) -> None:
        subject = _account(event.account_id)
        await self._audit.record(tx, "contact_change_undone", subject, actor_id=event.account_id, field=event.field)

    async def _identity_linked(self, tx: Tx, event: IdentityLinked) -> None:
        await self._identity_changed(tx, "identity_linked", event)

    async def _identity_unlinked(self, tx: Tx, event: IdentityUnlinked) -> None:
        await self._identity_changed(tx, "identity_unlinked", event)

    async def _identity_changed(self, tx: Tx, action: str, event: IdentityLinked | IdentityUnlinked) -> None:
        subject, before, after = _account(event.account_id), event.before, event.after
        await self._audit.record(tx, action, subject, provider=event.provider, before=before, after=after)

    async def _factor_renamed(self, tx: Tx, event: FactorRenamed) -> None:
        subject, before, after = _account(event.account_id), event.before, event.after
        await self._audit.record(tx, "factor_renamed", subject, kind=event.kind, before=before, after=after)

    async def _factor_changed(self, tx: Tx, event: FactorChanged) -> None:
        await self._audit.record(
            tx,
            f"factor_{event.what}",
            _account(event.account_id),
            kind=event.kind,
            name=event.name,
            before=event.before,
            after=event.after,
        )

    async def _factors_dropped(self, tx: Tx, event: FactorsDropped) -> None:
        subject = _account(event.account_id)
        await self._audit.record(tx, "factors_dropped", subject, before=event.before, after="", reason=event.reason)

    async def _recovery_codes_renewed(self, tx: Tx, event: RecoveryCodesRenewed) -> None:
        subject, before, after = _account(event.account_id), event.before, event.after
        await self._audit.record(tx, "recovery_codes_renewed", subject, before=before, after=after)

    async def _recovery_code_used(self, tx: Tx, event: RecoveryCodeUsed) -> None:
        subject = _account(event.account_id)
        await self._audit.record(tx, "recovery_code_used", subject, actor_id=event.account_id, left=event.left)

    async def _blocked(self, tx: Tx, event: AccountBlocked) -> None:
        await self._audit.record(tx, "account_blocked", _account(event.account_id))

    async def _unblocked(self, tx: Tx, event: AccountUnblocked) -> None:
        await self._audit.record(tx, "account_unblocked", _account(event.account_id))

    async def _role_changed(self, tx: Tx, event: RoleChanged) -> None:
        subject = _account(event.account_id)
        await self._audit.record(tx, "role_changed", subject, before=event.before, after=event.after)

    async def _money_moved(self, tx: Tx, event: MoneyMoved) -> None:
        payment = event.payment
        await self._audit.record(
            tx,
            "money_moved",
            f"order:{payment.order_id}",
            payment=payment.id,
            move=event.reason,
            amount=rubles_text(event.amount),
            currency=payment.currency,
        )

    async def _payment_failed(self, tx: Tx, event: PaymentFailed) -> None:
        await self._audit.record(tx, "payment_failed", f"order:{event.payment.order_id}", payment=event.payment.id)

    async def _order_decided(self, tx: Tx, event: OrderFact) -> None:
        """Actions of buyer and creator are in the history of the order; actions of staff are written here as well."""
        if event.by is Role.STAFF:
            await self._audit.record(tx, "order_decided", f"order:{event.order.id}", status=str(event.order.status))

    async def _order_money_decided(self, tx: Tx, event: OrderMoneyDecided) -> None:
        amount = None if event.amount is None else rubles_text(event.amount)
        await self._audit.record(tx, "order_decided", f"order:{event.order.id}", money=event.what, amount=amount)

    async def _rules_set(self, tx: Tx, event: RulesSet) -> None:
        number = event.rules[0].list
        subject, before, after = f"commission_rules:{number}", _rules(event.before), _rules(event.rules)
        await self._audit.record(
            tx, "commission_rules_set", subject, actor_id=event.by, rules=len(event.rules), before=before, after=after
        )

    async def _visibility_changed(self, tx: Tx, event: VisibilityChanged) -> None:
        action, subject = "shown" if event.is_shown else "hidden", f"{event.what}:{event.id}"
        before, after = ("withheld", "listed") if event.is_shown else ("listed", "withheld")
        if event.place:
            await self._audit.record(tx, action, subject, place=event.place)
        else:
            await self._audit.record(tx, action, subject, before=before, after=after, reason=event.reason or None)

    async def _conversation_read(self, tx: Tx, event: ConversationReadByStaff) -> None:
        subject = f"order:{event.order_id}"
        await self._audit.record(tx, "conversation_read", subject, conversation=event.conversation_id)

    async def _taxonomy_changed(self, tx: Tx, event: TaxonomyChanged) -> None:
        act = "changed" if event.before and event.after else "added" if event.after else "deleted"
        if event.field != "name":
            act = "changed"
        subject = f"{event.what}:{event.id}"
        await self._audit.record(
            tx, f"taxonomy_{act}", subject, field=event.field, before=event.before, after=event.after
        )

    async def _balance_adjusted(self, tx: Tx, event: BalanceAdjusted) -> None:
        amount, subject = rubles_text(event.amount), _account(event.creator_id)
        await self._audit.record(
            tx, f"balance_{event.what}", subject, actor_id=event.by, amount=amount, why=event.reason
        )

    async def _charged_back(self, tx: Tx, event: ChargedBack) -> None:
        details = {"bearer": event.bearer, "amount": rubles_text(event.amount), "fee": rubles_text(event.fee)}
        await self._audit.record(tx, "chargeback_entered", f"order:{event.order_id}", actor_id=event.by, **details)

    async def _earning_decided(self, tx: Tx, event: EarningDecided) -> None:
        subject = f"order:{event.order_id}"
        await self._audit.record(tx, f"earning_{event.what}", subject, actor_id=event.by, reason=event.reason)

    async def _details_changed(self, tx: Tx, event: DetailsChanged) -> None:
        mark = event.fingerprint[:16] if event.fingerprint else None
        subject = _account(event.creator_id)
        await self._audit.record(tx, "payout_details_changed", subject, mask=event.mask, fingerprint=mark)

    async def _payouts_stopped(self, tx: Tx, event: PayoutsStopped) -> None:
        action = "payouts_stopped" if event.reason else "payouts_resumed"
        await self._audit.record(tx, action, _account(event.creator_id), actor_id=event.by, reason=event.reason)

    async def _payout_moved(self, tx: Tx, event: PayoutMoved) -> None:
        payout = event.payout
        await self._audit.record(
            tx,
            f"payout_{event.what}",
            f"payout:{payout.id}",
            actor_id=event.account_id,
            amount=rubles_text(payout.amount),
            creator=payout.creator_id,
            by=event.by or None,
        )

    async def _payout_queue_resumed(self, tx: Tx, event: PayoutQueueResumed) -> None:
        await self._audit.record(tx, "payout_queue_resumed", actor_id=event.account_id, by=event.by)

    async def _studio_order(self, tx: Tx, event: StudioOrderFact) -> None:
        if event.actor_id is None or event.actor_id == event.order.owner_id:
            return
        subject = f"order:{event.order.id}"
        await self._audit.record(tx, _STUDIO[type(event)], subject, actor_id=event.actor_id, number=event.order.number)


def _rules(rules: Sequence[Rule]) -> str:
    """Names and terms of commission rules: "Music 12.5 % + 50.00 ≥ 100.00"."""
    return "; ".join(f"{one.name or one.position} {_terms(one.terms)}" for one in rules)


def _terms(terms: Terms) -> str:
    parts = [f"{percent_text(terms.percent_bp)} %"]
    parts += [f"+ {rubles_text(terms.fixed)}"] if terms.fixed else []
    parts += [f"≥ {rubles_text(terms.min_amount)}"] if terms.min_amount else []
    parts += [f"≤ {rubles_text(terms.max_amount)}"] if terms.max_amount is not None else []
    return " ".join(parts)


def _masked(value: str) -> str:
    """Enough of an e-mail or a phone to compare with: "a…@example.com", "+79…67"."""
    name, at, domain = value.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return f"{value[:3]}…{value[-2:]}" if value else ""


def _account(account_id: int) -> str:
    return f"account:{account_id}"


def _said(parts: Parts, other: Parts) -> str:
    """The parts of a text that are not the same in the other one, cut: the version has them whole."""
    return "\n".join(
        f"{language}: {text[:_LONGEST_SAID]}"
        for language, texts in parts.items()
        for part, text in texts.items()
        if other.get(language, {}).get(part) != text
    )
