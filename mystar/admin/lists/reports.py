"""Lists of reports by users: those that wait for a decision, and those that were decided."""

from __future__ import annotations

from collections.abc import Mapping

from mystar.admin.formats import NUMBER_SIGN
from mystar.admin.lists.columns import (
    ChoiceFilter,
    Column,
    ListDefinition,
    ParentFilter,
    SearchField,
    options_of,
    parse_id,
)
from mystar.admin.lists.people import person_search
from mystar.errors import Text

REPORTED_KINDS: Mapping[str, Text] = {
    "service": Text("услуга", "service"),
    "review": Text("отзыв", "review"),
    "message": Text("сообщение", "message"),
    "person": Text("человек", "person"),
}
REPORT_REASONS: Mapping[str, Text] = {
    "fraud": Text("обман", "fraud"),
    "insult": Text("оскорбление", "insult"),
    "adult": Text("не для детей", "not for children"),
    "contacts": Text("увод с площадки", "wants to be paid elsewhere"),
    "copyright": Text("чужая работа", "copyright"),
    "spam": Text("спам", "spam"),
    "other": Text("другое", "other"),
}
DECISIONS: Mapping[str, Text] = {
    "dismiss": Text("отклонить: нарушения нет", "dismiss: nothing is wrong"),
    "warn": Text("предупредить", "warn"),
    "hide": Text("скрыть", "hide"),
    "block": Text("заблокировать аккаунт", "block the account"),
}
DECIDED: Mapping[str, Text] = {
    "dismiss": Text("нарушения нет", "nothing wrong"),
    "warn": Text("предупреждён", "warned"),
    "hide": Text("скрыто", "hidden"),
    "block": Text("заблокирован", "blocked"),
}
#: Values of what was kept, by name.
SEEN: Mapping[str, Text] = {
    "author": Text("Автор", "Author"),
    "title": Text("Название или имя", "Title or name"),
    "text": Text("Текст", "Text"),
    "profession": Text("Профессия", "Profession"),
    "description": Text("О креаторе", "About the creator"),
    "price": Text("Цена", "Price"),
    "rating": Text("Оценка", "Rating"),
    "reply": Text("Ответ креатора", "The creator's answer"),
    "sent_at": Text("Отправлено", "Sent"),
    "edited_at": Text("Изменено", "Edited"),
    "files": Text("Файлы", "Files"),
}

_NUMBER = Column("id", NUMBER_SIGN, "reference", "/admin/reports/{id}/")
_KIND = Column("kind", Text("На что", "About what"), "badge", "/admin/reports/{id}/", labels=REPORTED_KINDS)
_TEXT = Column("shown", Text("Что", "What"), "long", "/admin/reports/{id}/")
_PERSON = Column("person", Text("Чьё", "Whose"), link="/admin/accounts/{account_id}/")
_COUNT = Column("reports", Text("Жалоб", "Reports"), "number", sort="reports")
_REASONS = Column("reasons", Text("Причина", "Reason"), "badge", labels=REPORT_REASONS)
_OPENED = Column("opened_at", Text("Первая жалоба", "First report"), "moment", sort="created")
_FILTERS = (
    ChoiceFilter("kind", Text("На что", "About what"), "kind", options_of(REPORTED_KINDS)),
    ParentFilter("account", Text("Аккаунт", "Account"), "account_id"),
)
_SEARCH = (SearchField("id", parse_id), *person_search("account_id"))
_HINT = Text("Номер или имя того, на кого жалуются", "Number, or the name of the person it is about")

REPORTS = ListDefinition(
    "reports",
    Text("Жалобы", "Reports"),
    "report_cases",
    columns=(_NUMBER, _KIND, _TEXT, _PERSON, _COUNT, _REASONS, _OPENED),
    created="opened_at",
    filters=_FILTERS,
    sortings={"created": "opened_at", "reports": "reports"},
    search=_SEARCH,
    hint=_HINT,
    conditions=(("is_open", True),),
    oldest_first=True,
    empty=Text("Жалоб нет.", "No reports."),
)

DECIDED_REPORTS = ListDefinition(
    "decided-reports",
    Text("Решённые жалобы", "Decided reports"),
    "report_cases",
    columns=(
        *(_NUMBER, _KIND, _TEXT, _PERSON, _COUNT),
        Column("decision", Text("Решение", "Decision"), "badge", labels=DECIDED),
        Column("decider", Text("Кто решил", "Decided by"), link="/admin/accounts/{decided_by}/"),
        Column("opened_at", Text("Первая жалоба", "First report"), "moment", sort="created"),
    ),
    created="opened_at",
    filters=(*_FILTERS, ChoiceFilter("decision", Text("Решение", "Decision"), "decision", options_of(DECIDED))),
    sortings={"created": "opened_at", "reports": "reports"},
    search=_SEARCH,
    hint=_HINT,
    conditions=(("is_open", False),),
    rows_of="reports",
    empty=Text("Решений пока нет.", "No decisions yet."),
)
