"""The list of receipts."""

from __future__ import annotations

from mystar.admin.formats import NUMBER_SIGN
from mystar.admin.lists.code_labels import PROVIDER_REASONS
from mystar.admin.lists.columns import (
    ChoiceFilter,
    Column,
    ListDefinition,
    ParentFilter,
    SearchField,
    options_of,
    parse_id,
)
from mystar.admin.lists.labels import RECEIPT_KINDS, RECEIPT_STATUSES
from mystar.errors import Text

RECEIPTS = ListDefinition(
    "receipts",
    Text("Чеки", "Receipts"),
    "receipts",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/receipts/{id}/"),
        Column("status", Text("Статус", "Status"), "badge", labels=RECEIPT_STATUSES),
        Column("kind", Text("Вид", "Kind"), "badge", labels=RECEIPT_KINDS),
        Column("amount", Text("Сумма", "Amount"), "money"),
        Column("order_id", Text("Заказ", "Order"), "reference", "/admin/orders/{order_id}/"),
        Column("payment_id", Text("Платёж", "Payment"), "reference", "/admin/payments/{payment_id}/"),
        Column("reason", Text("Причина отказа", "Why refused"), "long", labels=PROVIDER_REASONS),
        Column("created_at", Text("Создан", "Created"), "moment", sort="created"),
    ),
    filters=(
        ChoiceFilter("status", Text("Статус", "Status"), "status", options_of(RECEIPT_STATUSES)),
        ParentFilter("payment", Text("Платёж", "Payment"), "payment_id"),
        ParentFilter("order", Text("Заказ", "Order"), "order_id"),
    ),
    sortings={"created": "created_at"},
    search=(SearchField("id", parse_id), SearchField("order_id", parse_id)),
    hint=Text("Номер чека или заказа", "Number of a receipt or an order"),
    empty=Text("Чеков нет.", "No receipts."),
)
