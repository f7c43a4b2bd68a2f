"""The lists of the panel, as data."""

from __future__ import annotations

from collections.abc import Mapping

from mystar.admin.lists.columns import ListDefinition
from mystar.admin.lists.earnings import BALANCES, CHARGEBACKS, COMMISSION_RULES, ENTRIES, PAYOUTS, STATEMENTS
from mystar.admin.lists.market import CATEGORIES, SERVICES, SKILLS, TAGS
from mystar.admin.lists.orders import DISCREPANCIES, DISPUTES, LEDGER, ORDERS, PAYMENTS, REVIEWS, STUDIO
from mystar.admin.lists.people import ACCOUNTS, CREATORS, FILES, NOTES
from mystar.admin.lists.receipts import RECEIPTS
from mystar.admin.lists.reports import DECIDED_REPORTS, REPORTS
from mystar.admin.lists.system import AUDIT, MAILS, OUTBOX
from mystar.errors import Text

#: In the order of the menu.
MENU: tuple[tuple[Text, tuple[ListDefinition, ...]], ...] = (
    (
        Text("Заказы и деньги", "Orders and money"),
        (ORDERS, STUDIO, DISPUTES, PAYMENTS, LEDGER, DISCREPANCIES, RECEIPTS),
    ),
    (Text("Креаторам", "For creators"), (PAYOUTS, BALANCES, ENTRIES, STATEMENTS, CHARGEBACKS, COMMISSION_RULES)),
    (Text("Люди", "People"), (ACCOUNTS, CREATORS, REPORTS, DECIDED_REPORTS, NOTES, FILES)),
    (Text("Каталог", "Catalogue"), (SERVICES, REVIEWS, CATEGORIES, TAGS, SKILLS)),
    (Text("Система", "System"), (MAILS, OUTBOX, AUDIT)),
)
LISTS: Mapping[str, ListDefinition] = {one.name: one for _, lists in MENU for one in lists}
