"""What payout details are, how they are shown, and what can be wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from mystar.errors import Conflict, Forbidden, Invalid, NotFound, Text

Kind = Literal["sbp", "card", "wallet", "bank_account"]
#: The fields of each kind, all of which are needed.
FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "sbp": ("phone", "bank_id"),
    "card": ("token", "mask"),
    "wallet": ("account_number",),
    "bank_account": ("bic", "account", "inn", "name"),
}


@dataclass(frozen=True, slots=True)
class Details:
    """Details without what identifies the account.

    :param confirmed_at: when the staff approved a payout to them; None = the next payout needs the staff.
    """

    id: int
    creator_id: int
    kind: Kind
    mask: str
    fingerprint: str
    usable_at: datetime
    confirmed_at: datetime | None
    email: str | None
    created_at: datetime
    sealed: bytes = field(repr=False)


def mask_of(kind: Kind, fields: Mapping[str, str]) -> str:
    """What is shown of the details, everywhere: the ends of a number."""
    match kind:
        case "sbp":
            return f"{fields['phone'][:2]} *** ***-{fields['phone'][-4:-2]}-{fields['phone'][-2:]}"
        case "card":
            return card_mask(fields["mask"])
        case "wallet":
            return f"*{fields['account_number'][-4:]}"
        case "bank_account":
            return f"*{fields['account'][-4:]}"


def card_mask(mask: str) -> str:
    """A card's mask with at most its first six and last four digits, whatever the client sends as one."""
    digits = re.sub(r"[^0-9]", "", mask)
    return f"{digits[:6]}******{digits[-4:]}" if len(digits) >= 10 else f"*{digits[-4:]}"


class Bank(NamedTuple):
    """A member of SBP; ``id`` is the one that SBP knows it by."""

    id: str
    name: str
    bic: str


#: Large members of SBP, shown where no provider lists them all.
BANKS = (
    Bank("100000000111", "Сбербанк", "044525225"),
    Bank("100000000004", "Т-Банк", "044525974"),
    Bank("100000000005", "ВТБ", "044525187"),
    Bank("100000000008", "Альфа-Банк", "044525593"),
    Bank("100000000001", "Газпромбанк", "044525823"),
    Bank("100000000007", "Райффайзенбанк", "044525700"),
    Bank("100000000010", "Промсвязьбанк", "044525555"),
    Bank("100000000020", "Россельхозбанк", "044525111"),
    Bank("100000000017", "МТС Банк", "044525232"),
)


class DetailsUnknown(NotFound):
    """The account has no payout details."""

    code = "payout_details_unknown"
    text = Text("Реквизиты для выплат не указаны.", "There are no payout details.")


class PayoutOpen(Conflict):
    """A payout is asked for, or the details are to be changed, while another payout is on its way."""

    code = "payout_open"
    text = Text("Предыдущая выплата ещё не завершена.", "The payout before this one is not finished.")


class NotAMobile(Invalid):
    """SBP reaches a Russian mobile number only."""

    code = "payout_phone_wrong"
    text = Text("Введите российский мобильный номер.", "Enter a Russian mobile number.")

    def __init__(self) -> None:
        super().__init__(fields={"phone": [self.text]})


class NotMeLinkRefused(Forbidden):
    """The signature of the link in a mail about changed payout details is wrong."""

    code = "not_me_link_refused"
    text = Text("Ссылка недействительна.", "The link is not valid.")


@dataclass(frozen=True, slots=True)
class DetailsChanged:
    """An event, in the transaction of the change. ``mask`` None: they were removed."""

    creator_id: int
    mask: str | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class PayoutsStopped:
    """``reason`` None: they go on. ``by`` None: the operator, or the creator by the link of a mail."""

    creator_id: int
    reason: str | None
    by: int | None
