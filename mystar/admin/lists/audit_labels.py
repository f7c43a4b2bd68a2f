"""Words for the audit log: its actions, the names and the codes in its details, and what it is about."""

from __future__ import annotations

from collections.abc import Mapping

from mystar.admin.lists.labels import (
    BEARERS,
    LEDGER_REASONS,
    LISTING,
    ORDER_STATUSES,
    ROLES,
)
from mystar.errors import Text

AUDIT_ACTIONS: Mapping[str, Text] = {
    "sign_in": Text("вход", "sign-in"),
    "sign_in_refused": Text("отказ во входе", "sign-in refused"),
    "sessions_ended": Text("конец сеанса", "session ended"),
    "password_changed": Text("смена пароля", "password changed"),
    "password_refused": Text("неверный старый пароль", "wrong old password"),
    "field_changed": Text("изменение данных", "data changed"),
    "contact_change_undone": Text("изменение отменено", "change undone"),
    "identity_linked": Text("добавлен вход", "sign-in linked"),
    "factor_added": Text("добавлен второй фактор", "second factor added"),
    "factor_removed": Text("удалён второй фактор", "second factor removed"),
    "factors_dropped": Text("сброшены вторые факторы", "second factors reset"),
    "recovery_codes_renewed": Text("новые резервные коды", "recovery codes renewed"),
    "recovery_code_used": Text("вход по резервному коду", "recovery code used"),
    "second_factor_refused": Text("второй фактор не подошёл", "second factor refused"),
    "identity_unlinked": Text("удалён вход", "sign-in removed"),
    "account_blocked": Text("блокировка", "account blocked"),
    "account_unblocked": Text("разблокировка", "account unblocked"),
    "role_changed": Text("смена роли", "role changed"),
    "refused": Text("отказ", "refused"),
    "limit_hit": Text("слишком часто", "too often"),
    "money_moved": Text("движение денег", "money moved"),
    "payment_failed": Text("оплата не прошла", "payment failed"),
    "order_decided": Text("решение о заказе", "order decided"),
    "studio_order_queued": Text("заказ в обработку", "studio order queued"),
    "studio_order_changed": Text("заказ изменён", "studio order changed"),
    "studio_order_withdrawn": Text("заказ снят", "studio order withdrawn"),
    "hidden": Text("скрыто", "hidden"),
    "shown": Text("показано снова", "shown again"),
    "phone_proven": Text("телефон подтверждён", "phone proven"),
    "phone_released": Text("телефон уступлен", "phone released"),
    "export_requested": Text("выгрузка данных", "data export"),
    "export_downloaded": Text("данные скачаны", "data downloaded"),
    "erasure_requested": Text("запрошено удаление", "erasure requested"),
    "erasure_withdrawn": Text("удаление отменено", "erasure withdrawn"),
    "account_erased": Text("аккаунт удалён", "account erased"),
    "entry_redacted": Text("запись обезличена", "entry redacted"),
    "staff_act": Text("действие сотрудника", "staff action"),
    "commission_rules_set": Text("новые правила комиссии", "commission rules set"),
    "balance_adjustment": Text("корректировка баланса", "balance adjusted"),
    "balance_write_off": Text("долг списан", "debt written off"),
    "chargeback_entered": Text("внесён чарджбэк", "chargeback entered"),
    "earning_stop": Text("доля креатора заморожена", "creator's share frozen"),
    "earning_resume": Text("доля креатора разморожена", "creator's share unfrozen"),
    "earning_paid_before": Text("отмечено: выплачено ранее", "marked as paid before"),
    "payout_details_changed": Text("новые реквизиты", "payout details changed"),
    "payouts_stopped": Text("выплаты креатору остановлены", "creator's payouts stopped"),
    "payouts_resumed": Text("выплаты креатору разрешены", "creator's payouts allowed"),
    "payout_requested": Text("выплата запрошена", "payout requested"),
    "payout_approved_first": Text("выплату подтвердил первый сотрудник", "payout approved by the first person"),
    "payout_approved": Text("выплата подтверждена", "payout approved"),
    "payout_sending": Text("выплата отправляется", "payout being sent"),
    "payout_pending": Text("выплата в пути", "payout on its way"),
    "payout_unknown": Text("исход выплаты неизвестен", "payout with an unknown outcome"),
    "payout_paid": Text("выплачено", "payout paid"),
    "payout_failed": Text("выплата не прошла", "payout failed"),
    "payout_cancelled": Text("выплата отменена", "payout cancelled"),
    "payout_returned": Text("выплата вернулась", "payout returned"),
    "payout_queue_resumed": Text("выплаты снова отправляются", "payouts are sent again"),
    "conversation_read": Text("прочитана переписка сторон", "conversation of the parties read"),
    "taxonomy_added": Text("добавлено в справочник", "added to the catalogue"),
    "taxonomy_changed": Text("изменено в справочнике", "changed in the catalogue"),
    "taxonomy_deleted": Text("удалено из справочника", "deleted from the catalogue"),
}
#: The same action where something is shown in one place only.
PLACED_ACTIONS: Mapping[tuple[str, str], Text] = {
    ("hidden", "top"): Text("убрано из топа", "taken off the top"),
    ("shown", "top"): Text("поднято в топ", "put on top"),
}

#: What an entry is about: words and the address of its page.
SUBJECTS: Mapping[str, tuple[Text, str]] = {
    "account": (Text("аккаунт", "account"), "/admin/accounts/{id}/"),
    "order": (Text("заказ", "order"), "/admin/orders/{id}/"),
    "payout": (Text("выплата", "payout"), "/admin/payouts/{id}/"),
    "service": (Text("услуга", "service"), "/admin/services/{id}/"),
    "review": (Text("отзыв", "review"), "/admin/reviews/{id}/"),
    "creator": (Text("креатор", "creator"), "/admin/creators/{id}/"),
    "category": (Text("категория", "category"), "/admin/categories/{id}/"),
    "tag": (Text("тег", "tag"), "/admin/tags/{id}/"),
    "skill": (Text("навык", "skill"), "/admin/skills/{id}/"),
    "commission_rules": (Text("правила комиссии, список", "commission rules, list"), "/admin/commission-rules/"),
    "audit": (Text("запись журнала", "audit entry"), ""),
}

#: The names in the details.
DETAILS: Mapping[str, Text] = {
    "account": Text("аккаунт", "account"),
    "after": Text("стало", "after"),
    "amount": Text("сумма", "amount"),
    "bearer": Text("за счёт", "borne by"),
    "before": Text("было", "before"),
    "by": Text("кто", "by"),
    "category_id": Text("категория", "category"),
    "code": Text("почему", "why"),
    "conversation": Text("переписка №", "conversation No."),
    "creator": Text("креатор №", "creator No."),
    "currency": Text("валюта", "currency"),
    "digest": Text("отпечаток новых данных", "hash of the new details"),
    "door": Text("откуда", "through"),
    "due": Text("срок", "due"),
    "export": Text("выгрузка №", "export No."),
    "factor": Text("второй фактор", "second factor"),
    "fee": Text("комиссия банка", "bank's fee"),
    "field": Text("поле", "field"),
    "fingerprint": Text("отпечаток реквизитов", "fingerprint of the details"),
    "how": Text("как", "how"),
    "id": Text("№", "No."),
    "kind": Text("вид", "kind"),
    "left": Text("осталось", "left"),
    "mask": Text("реквизиты", "details"),
    "money": Text("деньги", "money"),
    "move": Text("проводка", "move"),
    "name": Text("название", "name"),
    "number": Text("номер заказа", "number of the order"),
    "order_id": Text("заказ №", "order No."),
    "payment": Text("платёж №", "payment No."),
    "place": Text("где", "where"),
    "provider": Text("провайдер", "provider"),
    "reason": Text("причина", "reason"),
    "route": Text("что открывали", "what was asked for"),
    "rules": Text("правил", "rules"),
    "session": Text("сеанс", "session"),
    "status": Text("статус", "status"),
    "taken_by": Text("перешёл к аккаунту №", "taken by account No."),
    "why": Text("причина", "reason"),
}

_PROVIDERS: Mapping[str, Text] = {
    "yandex": Text("Яндекс", "Yandex"),
    "vk": Text("ВКонтакте", "VK"),
    "vk_legacy": Text("ВКонтакте", "VK"),
    "mailru": Text("Mail.ru", "Mail.ru"),
}
_FACTORS: Mapping[str, Text] = {
    "totp": Text("приложение с кодами", "authenticator application"),
    "passkey": Text("ключ доступа", "passkey"),
    "recovery_code": Text("резервный код", "recovery code"),
    "passkey_alone": Text("только ключ доступа", "passkey alone"),
    "remembered": Text("запомненный браузер", "remembered browser"),
}
_ENDINGS: Mapping[str, Text] = {
    "password_changed": Text("смена пароля", "password changed"),
    "password_reset": Text("новый пароль по ссылке или от оператора", "new password by a link or the operator"),
    "factor_added": Text("добавлен второй фактор", "second factor added"),
    "factor_removed": Text("удалён второй фактор", "second factor removed"),
    "factors_reset": Text("сброшены вторые факторы", "second factors reset"),
    "email_confirmed": Text("подтверждён e-mail", "e-mail confirmed"),
    "logout": Text("выход", "log-out"),
    "ended": Text("закончен с другого устройства", "ended from another device"),
    "contact_change_undone": Text("изменение отменено владельцем", "a change was undone by the owner"),
    "role_changed": Text("смена роли", "role changed"),
    "ended_by_staff": Text("закончен сотрудником", "ended by staff"),
    "blocked": Text("блокировка", "account blocked"),
    "refresh_reused": Text("ключ сеанса использован дважды", "the session's token was used twice"),
    "erasure_requested": Text("запрошено удаление", "erasure requested"),
}
_FIELDS: Mapping[str, Text] = {
    "username": Text("имя пользователя", "user name"),
    "first_name": Text("имя", "first name"),
    "last_name": Text("фамилия", "last name"),
    "email": Text("e-mail", "e-mail"),
    "phone": Text("телефон", "phone"),
}
_TAXONOMY_FIELDS: Mapping[str, Text] = {
    "name": Text("название", "name"),
    "description": Text("описание", "description"),
    "position": Text("место в списке", "place in the list"),
    "photo_id": Text("картинка, файл №", "picture, file No."),
}
_CHANNELS: Mapping[str, Text] = {
    "market": Text("маркет", "market"),
    "greetings": Text("поздравления", "greetings"),
    "messenger": Text("мессенджер", "messenger"),
    "studio": Text("студия", "studio"),
    "identity": Text("единый вход", "identity"),
    "admin": Text("панель", "panel"),
}
CHANNELS = _CHANNELS
_MONEY_DECISIONS: Mapping[str, Text] = {
    "capture": Text("списать", "capture"),
    "refund": Text("вернуть всё", "refund all"),
    "refund_part": Text("вернуть часть", "refund a part"),
    "refund_again": Text("вернуть ещё раз", "refund again"),
    "resume_payment": Text("разрешить оплату снова", "let the buyer pay again"),
}
_BY: Mapping[str, Text] = {
    "staff": Text("сотрудник", "staff"),
    "person": Text("сам человек", "the person"),
    "operator": Text("оператор в консоли", "operator at the command line"),
    "link": Text("по ссылке", "by the link"),
    "session": Text("в сеансе", "in a session"),
    "sign_in": Text("вход в аккаунт", "by signing in"),
    **_PROVIDERS,
}
#: Words for codes in the details, by action and name; actions that are not named here use "".
CODES: Mapping[tuple[str, str], Mapping[str, Text]] = {
    ("", "bearer"): BEARERS,
    ("", "by"): _BY,
    ("", "door"): _CHANNELS,
    ("", "factor"): _FACTORS,
    ("", "field"): _FIELDS,
    ("", "how"): _ENDINGS,
    ("", "kind"): _FACTORS,
    ("", "money"): _MONEY_DECISIONS,
    ("", "move"): LEDGER_REASONS,
    ("", "place"): {"top": Text("топ", "top")},
    ("", "provider"): _PROVIDERS,
    ("", "session"): {"all": Text("все", "all")},
    ("sessions_ended", "reason"): _ENDINGS,
    ("order_decided", "status"): ORDER_STATUSES,
    ("role_changed", "before"): ROLES,
    ("role_changed", "after"): ROLES,
    **{(f"taxonomy_{what}", "field"): _TAXONOMY_FIELDS for what in ("added", "changed", "deleted")},
    ("hidden", "before"): LISTING,
    ("hidden", "after"): LISTING,
    ("shown", "before"): LISTING,
    ("shown", "after"): LISTING,
    **{
        (act, name): _FACTORS
        for act in ("factor_added", "factor_removed", "factors_dropped")
        for name in ("before", "after")
    },
}
