"""Lists of what creators earn and of how it is paid out."""

from __future__ import annotations

from mystar.admin.formats import NUMBER_SIGN
from mystar.admin.lists.code_labels import PAYOUT_WAYS
from mystar.admin.lists.columns import (
    ChoiceFilter,
    Column,
    ListDefinition,
    ParentFilter,
    SearchField,
    options_of,
    parse_id,
)
from mystar.admin.lists.labels import BEARERS, EARNING_ACCOUNTS, EARNING_KINDS, PAYOUT_STATUSES
from mystar.admin.lists.people import person_search
from mystar.errors import Text

_SINCE = Text("Создано", "Created")
_MADE = Column("created_at", _SINCE, "moment", sort="created")
_CREATOR = Column("creator", Text("Креатор", "Creator"), link="/admin/earnings/{creator_id}/")
_AMOUNT = Column("amount", Text("Сумма", "Amount"), "money")
_ORDER = Column("order_id", Text("Заказ", "Order"), "reference", "/admin/orders/{order_id}/")
_OF_CREATOR = ParentFilter("creator", Text("Креатор", "Creator"), "creator_id")

PAYOUTS = ListDefinition(
    "payouts",
    Text("Выплаты", "Payouts"),
    "payouts",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/payouts/{id}/"),
        Column("status", Text("Статус", "Status"), "badge", labels=PAYOUT_STATUSES),
        _CREATOR,
        _AMOUNT,
        Column("mask", Text("Реквизиты", "Details")),
        Column("provider", Text("Как", "How"), "badge", labels=PAYOUT_WAYS),
        _MADE,
    ),
    filters=(ChoiceFilter("status", Text("Статус", "Status"), "status", options_of(PAYOUT_STATUSES)), _OF_CREATOR),
    sortings={"created": "created_at"},
    search=(SearchField("id", parse_id), *person_search("creator_id")),
    hint=Text("Номер выплаты или имя креатора", "Number of a payout or the creator's name"),
)

BALANCES = ListDefinition(
    "balances",
    Text("Балансы", "Balances"),
    "creator_balances",
    columns=(
        _CREATOR,
        Column("available", Text("Доступно", "Available"), "money", sort="created"),
        Column("pending", Text("Ждёт", "Pending"), "money"),
        Column("frozen", Text("Заморожено", "Frozen"), "money"),
        Column("reserved", Text("В пути", "On its way"), "money"),
        Column("paid", Text("Выплачено", "Paid"), "money"),
        Column("stop_reason", Text("Остановлены", "Stopped")),
    ),
    created="id",
    sortings={"created": "available"},
    search=person_search("creator_id"),
    hint=Text("Имя креатора", "The creator's name"),
    oldest_first=True,
)

ENTRIES = ListDefinition(
    "earning-entries",
    Text("Начисления", "Earnings"),
    "earning_entries",
    columns=(
        Column("id", NUMBER_SIGN, "number"),
        Column("created_at", Text("Когда", "When"), "moment", sort="created"),
        Column("kind", Text("Событие", "Event"), "badge", labels=EARNING_KINDS),
        Column("account", Text("Счёт", "Account"), "badge", labels=EARNING_ACCOUNTS),
        _AMOUNT,
        _CREATOR,
        _ORDER,
        Column("payout_id", Text("Выплата", "Payout"), "reference", "/admin/payouts/{payout_id}/"),
        Column("note", Text("Примечание", "Note"), "long"),
    ),
    filters=(
        ChoiceFilter("kind", Text("Событие", "Event"), "kind", options_of(EARNING_KINDS)),
        ChoiceFilter("account", Text("Счёт", "Account"), "account", options_of(EARNING_ACCOUNTS)),
        _OF_CREATOR,
        ParentFilter("order", Text("Заказ", "Order"), "order_id"),
        ParentFilter("payout", Text("Выплата", "Payout"), "payout_id"),
    ),
    sortings={"created": "created_at"},
    search=(SearchField("order_id", parse_id),),
    hint=Text("Номер заказа", "Number of an order"),
)

STATEMENTS = ListDefinition(
    "statements",
    Text("Отчёты", "Statements"),
    "statements",
    columns=(
        Column("number", NUMBER_SIGN),
        _CREATOR,
        Column("month", Text("Месяц", "Month"), "month"),
        Column("opening", Text("На начало", "Opening"), "money"),
        Column("closing", Text("На конец", "Closing"), "money"),
        Column("line_count", Text("Строк", "Lines"), "number"),
        Column("pdf", Text("PDF", "PDF"), link="/admin/statements/{id}/pdf/"),
        Column("csv", Text("CSV", "CSV"), link="/admin/statements/{id}/csv/"),
        _MADE,
    ),
    filters=(_OF_CREATOR,),
    sortings={"created": "created_at"},
    search=person_search("creator_id"),
    hint=Text("Имя креатора", "The creator's name"),
)

CHARGEBACKS = ListDefinition(
    "chargebacks",
    Text("Чарджбэки", "Chargebacks"),
    "chargebacks",
    columns=(
        Column("id", NUMBER_SIGN, "number"),
        _ORDER,
        _AMOUNT,
        Column("fee", Text("Комиссия банка", "Fee"), "money"),
        Column("bearer", Text("За чей счёт", "Borne by"), "badge", labels=BEARERS),
        Column("note", Text("Примечание", "Note"), "long"),
        _MADE,
    ),
    filters=(
        ChoiceFilter("bearer", Text("За чей счёт", "Borne by"), "bearer", options_of(BEARERS)),
        ParentFilter("order", Text("Заказ", "Order"), "order_id"),
    ),
    sortings={"created": "created_at"},
    search=(SearchField("order_id", parse_id),),
    hint=Text("Номер заказа", "Number of an order"),
)

COMMISSION_RULES = ListDefinition(
    "commission-rules",
    Text("Правила комиссии", "Commission rules"),
    "commission_rules",
    columns=(
        Column("place", Text("Список и место", "List and place")),
        Column("name", Text("Название", "Name")),
        Column("percent", Text("Процент", "Percent"), "fraction"),
        Column("fixed", Text("Плюс", "Plus"), "money"),
        Column("min_amount", Text("Не меньше", "At least"), "money"),
        Column("max_amount", Text("Не больше", "At most"), "money"),
        Column("conditions", Text("Условия", "Conditions"), "conditions"),
        Column("valid_from", Text("Действует с", "Starts"), "moment"),
    ),
    sortings={"created": "created_at"},
    search=(SearchField("id", parse_id),),
    hint=Text("Номер правила", "Number of a rule"),
    empty=Text("Правил нет: комиссия 0 %.", "No rules: the commission is 0 %."),
)
