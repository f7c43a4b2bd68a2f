"""Lists of what works below the domains: letters on their way, and the log of what was done."""

from __future__ import annotations

from mystar.admin.lists.columns import (
    ANYTHING,
    Choice,
    Column,
    ListDefinition,
    Match,
    Of,
    a_subject,
    an_email,
    an_id,
    as_typed,
    options_of,
)
from mystar.admin.lists.labels import ACTS, OUTBOX_STATES
from mystar.admin.lists.people import of_person
from mystar.errors import Text

_ID = Text("№", "No.")
_STATE = Column("state", Text("Состояние", "State"), "badge", words=OUTBOX_STATES)
_TRIES = Column("attempts", Text("Попыток", "Tries"), "number")
_ERROR = Column("last_error", Text("Ошибка", "Error"), "long")
_MADE = Column("created_at", Text("Создано", "Created"), "moment", sort="created")
_FAILED = Choice("failed", Text("Не удалось", "Failed"), "failed_at", (("yes", Text("да", "yes"), ANYTHING),))
_SENT = Choice(
    "sent",
    Text("Отправлено", "Sent"),
    "done_at",
    (("yes", Text("да", "yes"), ANYTHING), ("no", Text("нет", "no"), None)),
)

MAILS = ListDefinition(
    "mails",
    Text("Письма", "Mails"),
    "outbox",
    columns=(
        Column("id", _ID, "reference", "/admin/outbox/{id}/"),
        _STATE,
        Column("recipient", Text("Кому", "To")),
        Column("subject", Text("Тема", "Subject"), link="/admin/outbox/{id}/"),
        _TRIES,
        _ERROR,
        _MADE,
    ),
    filters=(_SENT, _FAILED),
    sortings={"created": "created_at"},
    search=(Match("id", an_id), Match("recipient", an_email)),
    hint=Text("Номер или адрес получателя целиком", "Number, or the whole address of the recipient"),
    always=(("topic", "mail"),),
)

OUTBOX = ListDefinition(
    "outbox",
    Text("Исходящие", "Outbox"),
    "outbox",
    columns=(
        Column("id", _ID, "reference", "/admin/outbox/{id}/"),
        _STATE,
        Column("topic", Text("Тема", "Topic"), "badge"),
        Column("name", Text("Дело", "Deed"), link="/admin/outbox/{id}/"),
        _TRIES,
        _ERROR,
        _MADE,
    ),
    filters=(
        Choice(
            "topic",
            Text("Тема", "Topic"),
            "topic",
            (("payments", Text("платежи", "payments"), "payments"), ("mail", Text("письма", "mail"), "mail")),
        ),
        _SENT,
        _FAILED,
    ),
    sortings={"created": "created_at"},
    search=(Match("id", an_id), Match("name", as_typed, prefix=True)),
    hint=Text("Номер или имя дела", "Number, or the name of a deed"),
)

AUDIT = ListDefinition(
    "audit",
    Text("Журнал", "Audit log"),
    "audit_entries",
    columns=(
        Column("id", _ID, "number"),
        Column("at", Text("Когда", "When"), "moment", sort="created"),
        Column("act", Text("Что", "What"), "badge", words=ACTS),
        Column("actor", Text("Кто", "Who"), link="/admin/accounts/{actor_id}/"),
        Column("subject", Text("О чём", "About"), link="{href}"),
        Column("details", Text("Подробности", "Details"), "long"),
        Column("address", Text("Адрес", "Address")),
    ),
    created="at",
    filters=(
        Choice("act", Text("Что", "What"), "act", options_of(ACTS)),
        Of("actor", Text("Кто", "Who"), "actor_id"),
    ),
    # Ids are given out in the order of time, and every index of the log ends with them.
    sortings={"created": "id"},
    search=(Match("subject", a_subject), *of_person("actor_id")),
    hint=Text("account:7, order:12, имя или e-mail сотрудника", "account:7, order:12, user name or e-mail"),
)
