"""Every list of the panel, as data."""

from __future__ import annotations

from collections.abc import Mapping

from mystar.admin.registers.deals import DISCREPANCIES, DISPUTES, LEDGER, ORDERS, PAYMENTS, REVIEWS, STUDIO
from mystar.admin.registers.ground import AUDIT, MAILS, OUTBOX
from mystar.admin.registers.kinds import Register
from mystar.admin.registers.market import CATEGORIES, SERVICES, SKILLS, TAGS
from mystar.admin.registers.people import ACCOUNTS, CREATORS, FILES
from mystar.errors import Text

#: As the menu shows them.
MENU: tuple[tuple[Text, tuple[Register, ...]], ...] = (
    (Text("Сделки", "Deals"), (ORDERS, STUDIO, DISPUTES, PAYMENTS, LEDGER, DISCREPANCIES)),
    (Text("Люди", "People"), (ACCOUNTS, CREATORS, FILES)),
    (Text("Витрина", "Market"), (SERVICES, REVIEWS, CATEGORIES, TAGS, SKILLS)),
    (Text("Служба", "Service"), (MAILS, OUTBOX, AUDIT)),
)
REGISTERS: Mapping[str, Register] = {one.name: one for _, registers in MENU for one in registers}
