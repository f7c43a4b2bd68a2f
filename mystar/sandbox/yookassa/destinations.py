"""Where a payout goes: a card's token, a phone with a bank, or a wallet. Only masks of them are kept."""

import hashlib
import re

from mystar.sandbox.yookassa.fields import read_amount, read_description, read_metadata
from mystar.sandbox.yookassa.payouts import BANKS, PayoutDraft
from mystar.sandbox.yookassa.records import Json, Refused

_TOKEN = re.compile(r"pt-(?P<first6>\d{6})-(?P<last4>\d{4})-[0-9a-f]{16}")
_CARD, _PHONE, _WALLET = re.compile(r"\d{16,19}"), re.compile(r"7\d{10}"), re.compile(r"\d{11,33}")

Destination = tuple[str, str, Json]


def card_token(number: str) -> str | None:
    """The synonym that the widget gives for a card; None for a text that is no card."""
    if not _CARD.fullmatch(number):
        return None
    return f"pt-{number[:6]}-{number[-4:]}-{hashlib.sha256(number.encode()).hexdigest()[:16]}"


def read_payout(body: Json) -> PayoutDraft:
    """Raises Refused."""
    kind, number, destination = _destination(body)
    deal = body.get("deal")
    if deal is not None and not (isinstance(deal, dict) and isinstance(deal.get("id"), str)):
        raise Refused("Needs an id", "deal.id")
    return PayoutDraft(
        amount=read_amount(body),
        description=read_description(body, 128),
        metadata=read_metadata(body),
        kind=kind,
        number=number,
        destination=destination,
        deal_id=deal["id"] if deal else None,
        personal_data=_personal_data(body),
    )


def _destination(body: Json) -> Destination:
    if token := body.get("payout_token"):
        return _by_token(token)
    data = body.get("payout_destination_data")
    if not isinstance(data, dict):
        raise Refused("One of payout_destination_data and payout_token is required", "payout_destination_data")
    match data.get("type"):
        case "sbp":
            return _by_phone(data)
        case "yoo_money":
            return _by_wallet(data)
        case "bank_card":
            card = data.get("card")
            token = card_token(str(card.get("number", ""))) if isinstance(card, dict) else None
            return _by_token(token)
    raise Refused("Must be bank_card, sbp or yoo_money", "payout_destination_data.type")


def _by_token(token: object) -> Destination:
    found = _TOKEN.fullmatch(token) if isinstance(token, str) else None
    if found is None:
        raise Refused("The token or the card is not known", "payout_token")
    card = {"first6": found["first6"], "last4": found["last4"], "card_type": "MIR", "issuer_country": "RU"}
    return "bank_card", found["first6"] + found["last4"], {"type": "bank_card", "card": card}


def _by_phone(data: Json) -> Destination:
    phone, bank_id = data.get("phone"), data.get("bank_id")
    if not isinstance(phone, str) or not _PHONE.fullmatch(phone):
        raise Refused("Must be a phone like 79001234567", "payout_destination_data.phone")
    if bank_id not in {bank[0] for bank in BANKS}:
        raise Refused("Must be a bank of GET /sbp_banks", "payout_destination_data.bank_id")
    masked = f"{phone[:4]}*****{phone[-2:]}"
    return "sbp", phone, {"type": "sbp", "phone": masked, "bank_id": bank_id, "recipient_checked": False}


def _by_wallet(data: Json) -> Destination:
    number = data.get("account_number")
    if not isinstance(number, str) or not _WALLET.fullmatch(number):
        raise Refused("Must have 11 to 33 digits", "payout_destination_data.account_number")
    return "yoo_money", number, {"type": "yoo_money", "account_number": f"{number[:5]}***{number[-4:]}"}


def _personal_data(body: Json) -> tuple[str, ...]:
    listed = body.get("personal_data") or []
    if not isinstance(listed, list) or len(listed) > 2:
        raise Refused("Has at most two ids", "personal_data")
    if any(not isinstance(one, dict) or not isinstance(one.get("id"), str) for one in listed):
        raise Refused("Needs an id", "personal_data.id")
    return tuple(one["id"] for one in listed)
