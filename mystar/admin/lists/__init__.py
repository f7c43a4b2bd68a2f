"""Every list of the panel, as data."""

from __future__ import annotations

from collections.abc import Mapping

from mystar.admin.lists.columns import ListDefinition
from mystar.admin.lists.market import CATEGORIES, SERVICES, SKILLS, TAGS
from mystar.admin.lists.orders import DISCREPANCIES, DISPUTES, LEDGER, ORDERS, PAYMENTS, REVIEWS, STUDIO
from mystar.admin.lists.people import ACCOUNTS, CREATORS, FILES
from mystar.admin.lists.system import AUDIT, MAILS, OUTBOX
from mystar.errors import Text

#: As the menu shows them.
MENU: tuple[tuple[Text, tuple[ListDefinition, ...]], ...] = (
    (Text("Сделки", "Deals"), (ORDERS, STUDIO, DISPUTES, PAYMENTS, LEDGER, DISCREPANCIES)),
    (Text("Люди", "People"), (ACCOUNTS, CREATORS, FILES)),
    (Text("Витрина", "Market"), (SERVICES, REVIEWS, CATEGORIES, TAGS, SKILLS)),
    (Text("Служба", "Service"), (MAILS, OUTBOX, AUDIT)),
)
LISTS: Mapping[str, ListDefinition] = {one.name: one for _, registers in MENU for one in registers}
