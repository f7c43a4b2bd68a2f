"""Exports and erasures, what stands in the way of an erasure, and the errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mystar.errors import Conflict, Invalid, NotFound, Text
from mystar.kit.postgres.personal_data import Obstacle

ExportStatus = Literal["waiting", "ready", "failed", "expired"]

#: What each obstacle means; its ids are those of orders, payments, payouts, receipts, or the account's.
OBSTACLES: dict[str, Text] = {
    "staff_role": Text("Сначала нужно снять роль сотрудника.", "The staff role has to be taken away first."),
    "open_orders": Text("Есть незавершённые заказы.", "There are orders that have not ended."),
    "unfinished_payments": Text(
        "Есть платежи или возвраты, которые ещё не завершены.", "There are payments or refunds that have not ended."
    ),
    "balance_not_settled": Text("На балансе есть деньги или долг.", "The balance has money on it, or a debt."),
    "unfinished_payouts": Text("Есть незавершённые выплаты.", "There are payouts that have not ended."),
    "unfinished_receipts": Text("Чеки ещё не отправлены.", "There are receipts that have not been sent."),
}


@dataclass(frozen=True, slots=True)
class DataExport:
    """An archive of a person's data, or the request for one. ``size`` in bytes.

    :param key: of the archive in the storage, while it is ready.
    :param attempts: how many processes have begun to build it; the last one holds the claim.
    """

    id: int
    account_id: int
    status: ExportStatus
    key: str | None
    size: int | None
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to erase an account.

    :param blocked_by: codes of the obstacles that were found when it fell due.
    """

    id: int
    account_id: int
    requested_at: datetime
    due_at: datetime
    blocked_by: Sequence[str]


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks for an export or an erasure: the person, a member of the staff on their behalf, or the operator.

    :param account_id: of the member of the staff.
    """

    by: Literal["person", "staff", "operator"] = "person"
    account_id: int | None = None
    reason: str = ""


class ExportRunning(Conflict):
    """An export of the account is being made already."""

    code = "export_running"
    text = Text("Выгрузка данных уже готовится.", "An export of the data is being made already.")


class ExportUnknown(NotFound):
    """The account has no such export, or its archive is not ready or not kept any more."""

    code = "export_unknown"
    text = Text("Такой выгрузки нет или она больше не хранится.", "There is no such export, or it is not kept.")


class ExportLinkUnknown(NotFound):
    """The token of a mailed link to an export is unknown or too old."""

    code = "export_link_unknown"
    text = Text("Ссылка на выгрузку недействительна или устарела.", "The link to the export is invalid or has expired.")


class ErasureRequested(Conflict):
    """The erasure of the account was asked for before."""

    code = "erasure_requested"
    text = Text("Удаление аккаунта уже запрошено.", "The erasure of the account has been asked for already.")


class ErasureBlocked(Conflict):
    """Something has to be settled before the account can be erased.

    ``obstacles``: each with a code, the ids it is about, and a sentence.
    """

    code = "erasure_blocked"
    text = Text(
        "Аккаунт пока нельзя удалить. {reasons}",
        "The account cannot be erased yet. {reasons}",
    )

    def __init__(self, obstacles: Sequence[Obstacle]) -> None:
        super().__init__(obstacles=[shown_obstacle(one, "ru") for one in obstacles])
        self.found = tuple(obstacles)

    def message(self, language: str) -> str:
        self.details["obstacles"] = shown = [shown_obstacle(one, language) for one in self.found]
        reasons = (f"{one['message'].rstrip('.')}: {', '.join(map(str, one['ids']))}." for one in shown)
        return self.text.in_(language, reasons=" ".join(reasons))


class ErasureUnknown(NotFound):
    """No erasure of the account is asked for."""

    code = "erasure_unknown"
    text = Text("Удаление аккаунта не запрошено.", "No erasure of the account has been asked for.")


class ErasureLinkUnknown(NotFound):
    """The token of a mailed link that keeps an account is unknown, used or too late."""

    code = "erasure_link_unknown"
    text = Text(
        "Ссылка недействительна: удаление уже отменено или состоялось.",
        "The link is invalid: the erasure has been withdrawn, or has taken place.",
    )


class ReasonNeeded(Invalid):
    """Staff or the operator export or erase an account without saying why."""

    code = "reason_needed"
    text = Text("Укажите причину.", "Give a reason.")

    def __init__(self) -> None:
        super().__init__(fields={"reason": [self.text]})


def shown_obstacle(obstacle: Obstacle, language: str) -> dict[str, Any]:
    words = OBSTACLES[obstacle.code].in_(language)
    return {"code": obstacle.code, "ids": list(obstacle.ids), "message": words}
