"""Labels of the values of the database."""

from __future__ import annotations

from collections.abc import Mapping

from mystar.errors import Text

YES = Text("да", "yes")
ROLES: Mapping[str, Text] = {
    "viewer": Text("наблюдатель", "viewer"),
    "operator": Text("оператор", "operator"),
    "owner": Text("владелец", "owner"),
}
ORDER_KINDS: Mapping[str, Text] = {
    "greeting": Text("поздравление", "greeting"),
    "service": Text("услуга", "service"),
    "studio": Text("студия", "studio"),
}
SERVICE_KINDS: Mapping[str, Text] = {
    "greeting": Text("поздравление", "greeting"),
    "service": Text("услуга", "service"),
}
ORDER_STATUSES: Mapping[str, Text] = {
    "pending": Text("ожидает", "pending"),
    "accepted": Text("принят", "accepted"),
    "in_progress": Text("в работе", "in progress"),
    "delivered": Text("сдан", "delivered"),
    "completed": Text("завершён", "completed"),
    "rejected": Text("отклонён", "rejected"),
    "cancelled": Text("отменён", "cancelled"),
    "disputed": Text("спор", "disputed"),
    "new": Text("новый", "new"),
    "in_process": Text("в обработке", "in process"),
}
#: Of a studio order; "queued" is a new one that staff have sent to processing.
STUDIO_STATUSES: Mapping[str, Text] = {word: ORDER_STATUSES[word] for word in ("new", "in_process", "cancelled")}
STUDIO_STATES: Mapping[str, Text] = {**STUDIO_STATUSES, "queued": Text("в очереди", "queued")}
MONEY: Mapping[str, Text] = {
    "none": Text("нет", "none"),
    "pending": Text("ждём оплаты", "pending"),
    "held": Text("удержаны", "held"),
    "captured": Text("списаны", "captured"),
    "released": Text("отпущены", "released"),
    "refunded": Text("возвращены", "refunded"),
    "failed": Text("не прошли", "failed"),
}
PAYMENT_STATUSES: Mapping[str, Text] = {word: text for word, text in MONEY.items() if word != "none"}
GOALS: Mapping[str, Text] = {
    "hold": Text("удержать", "hold"),
    "capture": Text("списать", "capture"),
    "give_back": Text("вернуть", "give back"),
}
LEDGER_ACCOUNTS: Mapping[str, Text] = {
    "payer": Text("плательщик", "payer"),
    "held": Text("удержано", "held"),
    "creator": Text("креатор", "creator"),
}
LEDGER_REASONS: Mapping[str, Text] = {
    "hold": Text("удержание", "hold"),
    "capture": Text("списание", "capture"),
    "release": Text("отпуск", "release"),
    "refund": Text("возврат", "refund"),
}
PAYOUT_STATUSES: Mapping[str, Text] = {
    "requested": Text("ждёт решения", "waits for approval"),
    "approved": Text("подтверждена", "approved"),
    "sending": Text("отправляется", "sending"),
    "pending": Text("в пути", "on its way"),
    "unknown": Text("исход неизвестен", "outcome unknown"),
    "paid": Text("выплачена", "paid"),
    "failed": Text("не прошла", "failed"),
    "cancelled": Text("отменена", "cancelled"),
    "returned": Text("вернулась", "returned"),
}
EARNING_ACCOUNTS: Mapping[str, Text] = {
    "buyers": Text("покупатели", "buyers"),
    "pending": Text("ждёт", "pending"),
    "frozen": Text("заморожено", "frozen"),
    "available": Text("доступно", "available"),
    "reserved": Text("в пути", "on its way"),
    "paid": Text("выплачено", "paid"),
    "platform": Text("площадка", "platform"),
    "commission_tax": Text("НДС", "VAT"),
    "fees": Text("комиссии провайдера", "provider's fees"),
    "losses": Text("потери", "losses"),
    "chargebacks": Text("чарджбэки", "chargebacks"),
    "adjustments": Text("корректировки", "adjustments"),
}
EARNING_KINDS: Mapping[str, Text] = {
    "capture": Text("списание", "capture"),
    "clearance": Text("стало доступно", "cleared"),
    "freeze": Text("заморозка", "frozen"),
    "unfreeze": Text("разморозка", "unfrozen"),
    "refund": Text("возврат", "refund"),
    "chargeback": Text("чарджбэк", "chargeback"),
    "fee": Text("комиссия", "fee"),
    "adjustment": Text("корректировка", "adjustment"),
    "write_off": Text("списание долга", "debt written off"),
    "paid_before": Text("выплачено ранее", "paid before"),
    "payout": Text("запрос выплаты", "payout requested"),
    "payout_paid": Text("выплата", "payout"),
    "payout_failed": Text("выплата не прошла", "payout failed"),
    "payout_cancelled": Text("выплата отменена", "payout cancelled"),
    "payout_returned": Text("выплата вернулась", "payout returned"),
}
BEARERS: Mapping[str, Text] = {
    "creator": Text("креатор", "creator"),
    "platform": Text("площадка", "platform"),
}
RECEIPT_KINDS: Mapping[str, Text] = {
    "prepayment": Text("предоплата", "prepayment"),
    "offset": Text("зачёт предоплаты", "offset of a prepayment"),
    "refund": Text("возврат", "refund"),
}
RECEIPT_STATUSES: Mapping[str, Text] = {
    "waiting": Text("не отправлен", "not sent yet"),
    "pending": Text("регистрируется", "being registered"),
    "registered": Text("зарегистрирован", "registered"),
    "refused": Text("отклонён", "refused"),
}
FILE_KINDS: Mapping[str, Text] = {
    "avatar": Text("аватар", "avatar"),
    "image": Text("картинка", "image"),
    "video": Text("видео", "video"),
    "other": Text("другое", "other"),
}
OUTBOX_STATES: Mapping[str, Text] = {
    "waiting": Text("в очереди", "waiting"),
    "sent": Text("отправлено", "sent"),
    "failed": Text("не удалось", "failed"),
}
ACTIVITY: Mapping[str, Text] = {
    "active": Text("активен", "active"),
    "blocked": Text("заблокирован", "blocked"),
}
LISTING: Mapping[str, Text] = {
    "listed": Text("показано", "shown"),
    "hidden": Text("не показано", "not shown"),
    "withheld": Text("скрыто нами", "hidden by us"),
    "deleted": Text("удалено", "deleted"),
}
#: Roles in an order.
PARTIES: Mapping[str, Text] = {
    "buyer": Text("покупатель", "buyer"),
    "creator": Text("креатор", "creator"),
    "staff": Text("сотрудник", "staff"),
    "system": Text("система", "system"),
}
ACTIONS: Mapping[str, Text] = {
    "place": Text("Заказ создан", "Order placed"),
    "pay": Text("Начата оплата", "Payment begun"),
    "accept": Text("Принят", "Accepted"),
    "reject": Text("Отклонён", "Rejected"),
    "deliver": Text("Работа сдана", "Work delivered"),
    "approve": Text("Работа принята", "Work approved"),
    "request_revision": Text("Просьба переделать", "Revision asked for"),
    "dispute": Text("Открыт спор", "Dispute opened"),
    "cancel": Text("Отменён", "Cancelled"),
    "review": Text("Отзыв", "Review"),
    "capture": Text("Деньги списываются", "Money to be captured"),
    "refund": Text("Деньги возвращаются", "Money to be refunded"),
    "refund_part": Text("Часть денег возвращается", "Part of the money to be refunded"),
    "edit": Text("Заказчик изменил пожелания", "The customer changed the requirements"),
    "acceptance_late": Text("Креатор не ответил вовремя", "The creator did not answer in time"),
    "approval_late": Text("Покупатель не возразил вовремя: принято", "The buyer did not object in time: approved"),
    "revision_late": Text("Переделка не сдана вовремя: спор", "The revision was late: dispute"),
    "queue": Text("Отправлен в обработку", "Sent to processing"),
    "process": Text("Взят в обработку", "In process"),
    "money_held": Text("Деньги удержаны", "Money held"),
    "money_captured": Text("Деньги списаны", "Money captured"),
    "money_released": Text("Деньги отпущены", "Money released"),
    "money_refunded": Text("Деньги возвращены", "Money refunded"),
    "money_partly_refunded": Text("Часть денег возвращена", "Part of the money refunded"),
    "money_failed": Text("Оплата не прошла", "Payment failed"),
    "hold_runs_out": Text("Удержание истекает: списано", "Hold ran out: captured"),
}
#: The tone of a badge; "plain" for other values.
TONES: Mapping[str, str] = {
    **dict.fromkeys(
        ("completed", "captured", "sent", "active", "listed", "capture", "yes", "registered", "paid"), "good"
    ),
    **dict.fromkeys(
        (
            "disputed",
            "failed",
            "blocked",
            "rejected",
            "cancelled",
            "refused",
            "returned",
            "unknown",
            "withheld",
            "deleted",
        ),
        "bad",
    ),
    **dict.fromkeys(("requested", "pending", "held", "waiting", "new", "queued", "give_back", "hidden"), "wait"),
    **dict.fromkeys(("accepted", "in_progress", "delivered", "in_process", "owner", "operator", "viewer"), "calm"),
}
