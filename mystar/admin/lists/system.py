"""Lists of the outbox and of the audit log."""

from __future__ import annotations

from mystar.admin.formats import NUMBER_SIGN
from mystar.admin.lists.audit_labels import AUDIT_ACTIONS
from mystar.admin.lists.code_labels import TOPICS
from mystar.admin.lists.columns import (
    ANYTHING,
    ChoiceFilter,
    Column,
    ListDefinition,
    ParentFilter,
    SearchField,
    options_of,
    parse_email,
    parse_id,
    parse_subject,
    parse_text,
)
from mystar.admin.lists.labels import OUTBOX_STATES
from mystar.admin.lists.people import person_search
from mystar.errors import Text
from mystar.kit.outbox.mail import TOPICS as MAIL_TOPICS

_STATE = Column("state", Text("Состояние", "State"), "badge", labels=OUTBOX_STATES)
_TRIES = Column("attempts", Text("Попыток", "Attempts"), "number")
_ERROR = Column("last_error", Text("Ошибка", "Error"), "long")
_MADE = Column("created_at", Text("Создано", "Created"), "moment", sort="created")
_FAILED = ChoiceFilter("failed", Text("Не удалось", "Failed"), "failed_at", (("yes", Text("да", "yes"), ANYTHING),))
_SENT = ChoiceFilter(
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
        Column("id", NUMBER_SIGN, "reference", "/admin/outbox/{id}/"),
        _STATE,
        Column("recipient", Text("Кому", "To")),
        Column("subject", Text("Тема", "Subject"), "long", "/admin/outbox/{id}/"),
        _TRIES,
        _ERROR,
        _MADE,
    ),
    filters=(_SENT, _FAILED),
    sortings={"created": "created_at"},
    search=(SearchField("id", parse_id), SearchField("recipient", parse_email)),
    hint=Text("Номер или адрес получателя целиком", "Number, or the whole address of the recipient"),
    conditions=(("topic", MAIL_TOPICS),),
)

OUTBOX = ListDefinition(
    "outbox",
    Text("Исходящие", "Outbox"),
    "outbox",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/outbox/{id}/"),
        _STATE,
        Column("topic", Text("Тема", "Topic"), "badge", labels=TOPICS),
        Column("name", Text("Ключ", "Key"), "code", link="/admin/outbox/{id}/"),
        _TRIES,
        _ERROR,
        _MADE,
    ),
    filters=(
        ChoiceFilter(
            "topic",
            Text("Тема", "Topic"),
            "topic",
            options_of(TOPICS),
        ),
        _SENT,
        _FAILED,
    ),
    sortings={"created": "created_at"},
    search=(SearchField("id", parse_id), SearchField("name", parse_text, prefix=True)),
    hint=Text("Номер или начало ключа", "Number, or how the key begins"),
)

AUDIT = ListDefinition(
    "audit",
    Text("Журнал", "Audit log"),
    "audit_entries",
    columns=(
        Column("id", NUMBER_SIGN, "number"),
        Column("at", Text("Когда", "When"), "moment", sort="created"),
        Column("act", Text("Что", "What"), "act"),
        Column("actor", Text("Кто", "Who"), link="/admin/accounts/{actor_id}/"),
        Column("subject", Text("О чём", "About"), "subject"),
        Column("details", Text("Подробности", "Details"), "details"),
        Column("address", Text("Адрес", "Address")),
    ),
    created="at",
    filters=(
        ChoiceFilter("act", Text("Что", "What"), "act", options_of(AUDIT_ACTIONS)),
        ParentFilter("actor", Text("Кто", "Who"), "actor_id"),
    ),
    # Ids are given out in the order of time, and every index of the log ends with them.
    sortings={"created": "id"},
    search=(SearchField("subject", parse_subject), *person_search("actor_id")),
    hint=Text("«Заказ 12», «аккаунт 7», имя или e-mail сотрудника", "“Order 12”, “account 7”, name or e-mail of staff"),
)
