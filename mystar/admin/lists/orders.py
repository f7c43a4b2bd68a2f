"""Lists of orders, payments and reviews."""

from __future__ import annotations

from dataclasses import replace

from mystar.admin.formats import NUMBER_SIGN
from mystar.admin.lists.code_labels import DISCREPANCIES as DIFFERENCES
from mystar.admin.lists.columns import (
    ANYTHING,
    ChoiceFilter,
    Column,
    ListDefinition,
    ParentFilter,
    SearchField,
    options_of,
    parse_id,
    parse_order_number,
    parse_text,
)
from mystar.admin.lists.labels import (
    GOALS,
    LEDGER_ACCOUNTS,
    LEDGER_REASONS,
    LISTING,
    MONEY,
    ORDER_KINDS,
    ORDER_STATUSES,
    PAYMENT_STATUSES,
    STUDIO_STATES,
    STUDIO_STATUSES,
    YES,
)
from mystar.admin.lists.people import creator_search, person_search
from mystar.errors import Text

_STARS = tuple((str(rating), Text(f"★ {rating}", f"★ {rating}"), rating) for rating in range(1, 6))
_SINCE = Text("Создан", "Created")
_STATUS = Column("status", Text("Статус", "Status"), "badge", labels=ORDER_STATUSES)
_BUYER = Column("buyer", Text("Покупатель", "Buyer"), link="/admin/accounts/{buyer_id}/")
_MADE = Column("created_at", _SINCE, "moment", sort="created")

ORDERS = ListDefinition(
    "orders",
    Text("Заказы", "Orders"),
    "orders",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/orders/{id}/"),
        Column("kind", Text("Вид", "Kind"), "badge", labels=ORDER_KINDS),
        _STATUS,
        Column("money", Text("Деньги", "Money"), "badge", labels=MONEY),
        _BUYER,
        Column("creator", Text("Креатор", "Creator"), link="/admin/creators/{creator_id}/"),
        Column("total_price", Text("Сумма", "Total"), "money", sort="price"),
        _MADE,
    ),
    filters=(
        ChoiceFilter("kind", Text("Вид", "Kind"), "kind", options_of(ORDER_KINDS)),
        ChoiceFilter("status", Text("Статус", "Status"), "status", options_of(ORDER_STATUSES)),
        ChoiceFilter("money", Text("Деньги", "Money"), "money", options_of(MONEY)),
        ParentFilter("buyer", Text("Покупатель", "Buyer"), "buyer_id"),
        ParentFilter("creator", Text("Креатор", "Creator"), "creator_id"),
        ParentFilter("service", Text("Услуга", "Service"), "service_id"),
    ),
    sortings={"created": "created_at", "price": "total_price"},
    search=(
        SearchField("id", parse_id),
        SearchField("number", parse_order_number),
        *person_search("buyer_id"),
        *creator_search("creator_id"),
    ),
    hint=Text("Номер заказа, имя или e-mail человека", "Number of an order, name or e-mail of a person"),
)

STUDIO = replace(
    ORDERS,
    name="studio-orders",
    title=Text("Заказы студии", "Studio orders"),
    columns=(
        Column("number", NUMBER_SIGN, link="/admin/orders/{id}/"),
        Column("title", Text("Название", "Title"), "long", link="/admin/orders/{id}/"),
        Column("state", Text("Статус", "Status"), "live", labels=STUDIO_STATES),
        _BUYER,
        _MADE,
    ),
    filters=(
        ChoiceFilter("status", Text("Статус", "Status"), "status", options_of(STUDIO_STATUSES)),
        ParentFilter("buyer", Text("Заказчик", "Customer"), "buyer_id"),
    ),
    sortings={"created": "created_at"},
    conditions=(("kind", "studio"),),
)

DISPUTES = replace(
    ORDERS,
    name="disputes",
    title=Text("Споры", "Disputes"),
    filters=(),
    sortings={"created": "created_at"},
    columns=tuple(replace(column, sort="" if column.sort == "price" else column.sort) for column in ORDERS.columns),
    conditions=(("status", "disputed"),),
    oldest_first=True,
    empty=Text("Споров, которые ждут решения, нет.", "No dispute waits for a decision."),
)

PAYMENTS = ListDefinition(
    "payments",
    Text("Платежи", "Payments"),
    "payments",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/payments/{id}/"),
        Column("status", Text("Статус", "Status"), "badge", labels=PAYMENT_STATUSES),
        Column("goal", Text("Цель", "Goal"), "badge", labels=GOALS),
        Column("order_id", Text("Заказ", "Order"), "reference", "/admin/orders/{order_id}/"),
        Column("payer", Text("Плательщик", "Payer"), link="/admin/accounts/{payer_id}/"),
        Column("amount", Text("Сумма", "Amount"), "money", sort="amount"),
        Column("captured", Text("Списано", "Captured"), "money"),
        Column("refunded", Text("Возвращено", "Refunded"), "money"),
        _MADE,
    ),
    filters=(
        ChoiceFilter("status", Text("Статус", "Status"), "status", options_of(PAYMENT_STATUSES)),
        ChoiceFilter("goal", Text("Цель", "Goal"), "goal", options_of(GOALS)),
        ParentFilter("order", Text("Заказ", "Order"), "order_id"),
        ParentFilter("payer", Text("Плательщик", "Payer"), "payer_id"),
    ),
    sortings={"created": "created_at", "amount": "amount"},
    search=(
        SearchField("id", parse_id),
        SearchField("order_id", parse_id),
        SearchField("provider_id", parse_text),
        *person_search("payer_id"),
    ),
    hint=Text("Номер платежа или заказа, плательщик, id у провайдера", "Payment, order, payer or the provider's id"),
)

LEDGER = ListDefinition(
    "ledger",
    Text("Проводки", "Ledger"),
    "ledger_entries",
    columns=(
        Column("id", NUMBER_SIGN, "number"),
        Column("created_at", Text("Когда", "When"), "moment", sort="created"),
        Column("reason", Text("Причина", "Reason"), "badge", labels=LEDGER_REASONS),
        Column("account", Text("Счёт", "Account"), labels=LEDGER_ACCOUNTS, kind="badge"),
        Column("amount", Text("Сумма", "Amount"), "money"),
        Column("payment_id", Text("Платёж", "Payment"), "reference", "/admin/payments/{payment_id}/"),
        Column("order_id", Text("Заказ", "Order"), "reference", "/admin/orders/{order_id}/"),
        Column("move", Text("Перенос", "Move")),
    ),
    filters=(
        ChoiceFilter("reason", Text("Причина", "Reason"), "reason", options_of(LEDGER_REASONS)),
        ChoiceFilter("account", Text("Счёт", "Account"), "account", options_of(LEDGER_ACCOUNTS)),
        ParentFilter("payment", Text("Платёж", "Payment"), "payment_id"),
    ),
    sortings={"created": "created_at"},
    search=(SearchField("payment_id", parse_id),),
    hint=Text("Номер платежа", "Number of a payment"),
)

DISCREPANCIES = ListDefinition(
    "discrepancies",
    Text("Расхождения", "Discrepancies"),
    "payment_discrepancies",
    columns=(
        Column("id", NUMBER_SIGN, "number"),
        Column("seen_at", Text("Когда", "When"), "moment", sort="created"),
        Column("kind", Text("Что не так", "What is wrong"), labels=DIFFERENCES),
        Column("payment_id", Text("Платёж", "Payment"), "reference", "/admin/payments/{payment_id}/"),
        Column("provider_id", Text("У провайдера", "At the provider")),
        Column("details", Text("Подробности", "Details"), "difference"),
    ),
    created="seen_at",
    sortings={"created": "seen_at"},
    search=(SearchField("payment_id", parse_id), SearchField("provider_id", parse_text)),
    hint=Text("Номер платежа или id у провайдера", "Number of a payment or the provider's id"),
    empty=Text("Провайдер и мы ни в чём не расходимся.", "The provider and we agree about everything."),
)

REVIEWS = ListDefinition(
    "reviews",
    Text("Отзывы", "Reviews"),
    "reviews",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/reviews/{id}/"),
        Column("rating", Text("Оценка", "Rating"), "stars"),
        Column("words", Text("Отзыв", "Review"), "long", link="/admin/reviews/{id}/"),
        Column("author", Text("Автор", "Author"), link="/admin/accounts/{author_id}/"),
        Column("creator", Text("Креатор", "Creator"), link="/admin/creators/{creator_id}/"),
        Column("state", Text("Состояние", "State"), "badge", labels=LISTING),
        _MADE,
    ),
    filters=(
        ChoiceFilter("rating", Text("Оценка", "Rating"), "rating", _STARS),
        ChoiceFilter("hidden", Text("Скрыты нами", "Hidden by us"), "hidden_at", (("yes", YES, ANYTHING),)),
        ParentFilter("creator", Text("Креатор", "Creator"), "creator_id"),
        ParentFilter("author", Text("Автор", "Author"), "author_id"),
    ),
    sortings={"created": "created_at"},
    search=(SearchField("id", parse_id), SearchField("order_id", parse_id), *person_search("author_id")),
    hint=Text("Номер отзыва или заказа, имя или e-mail автора", "Number of a review or an order, the author's name"),
)
