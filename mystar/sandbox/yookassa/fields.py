"""The fields of request bodies, read and checked: each function raises Refused with the field's name."""

import re
from typing import Any
from urllib.parse import urlsplit

from mystar.sandbox.yookassa.records import Json, Refused

AMOUNT = re.compile(r"\d{1,10}(\.\d{1,2})?")
PAYMENT_METHODS = ("bank_card", "sbp", "sberbank")


def read_amount(body: Json, name: str = "amount") -> int:
    """Kopecks of `amount`; the value must be text, as in {"value": "10.00", "currency": "RUB"}."""
    amount = body.get(name)
    if not isinstance(amount, dict):
        raise Refused("Is required", name)
    if amount.get("currency") != "RUB":
        raise Refused("Must be RUB", f"{name}.currency")
    value = amount.get("value")
    if not isinstance(value, str) or not AMOUNT.fullmatch(value):
        raise Refused('Must be text like "10.00"', f"{name}.value")
    rubles, _, rest = value.partition(".")
    if not (kopecks := int(rubles) * 100 + int(rest.ljust(2, "0"))):
        raise Refused("Must be positive", f"{name}.value")
    return kopecks


def read_text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Refused("Is required", name)
    return value


def read_description(body: Json, longest: int) -> str | None:
    description = body.get("description")
    if description is not None and not (isinstance(description, str) and len(description) <= longest):
        raise Refused(f"Must be text of at most {longest} characters", "description")
    return description


def read_metadata(body: Json) -> dict[str, str]:
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict) or len(metadata) > 16:
        raise Refused("Must be an object of at most 16 keys", "metadata")
    for name, value in metadata.items():
        if len(name) > 32 or not isinstance(value, str | int) or len(str(value)) > 512:
            raise Refused("Names have at most 32 characters, values at most 512", f"metadata.{name}")
    return {name: str(value) for name, value in metadata.items()}


def read_confirmation(body: Json, method: str) -> tuple[str, str]:
    """The kind of confirmation and the address to return to; a QR code needs no address."""
    confirmation = body.get("confirmation")
    kind = confirmation.get("type") if isinstance(confirmation, dict) else None
    if kind not in (("redirect", "qr") if method == "sbp" else ("redirect",)):
        raise Refused("The sandbox confirms by redirect, and SBP by a QR code too", "confirmation.type")
    url = confirmation.get("return_url") if isinstance(confirmation, dict) else None
    if kind == "qr" and url is None:
        return "qr", ""
    if not isinstance(url, str) or not is_web_address(url):
        raise Refused("Must be a web address", "confirmation.return_url")
    return str(kind), url


def read_method(body: Json) -> str:
    data = body.get("payment_method_data")
    if data is None:
        return "bank_card"
    method = data.get("type") if isinstance(data, dict) else None
    if method not in PAYMENT_METHODS:
        raise Refused("The sandbox knows bank_card, sbp and sberbank", "payment_method_data.type")
    return str(method)


def read_deal(body: Json, settlements: str = "settlements") -> tuple[str | None, int | None]:
    """The deal's id and the seller's part, which is the sum of the settlements of type "payout"."""
    deal = body.get("deal")
    if deal is None:
        return None, None
    if not isinstance(deal, dict):
        raise Refused("Must be an object", "deal")
    listed = deal.get(settlements)
    if not isinstance(listed, list) or not listed:
        return deal.get("id"), None
    if any(not isinstance(one, dict) or one.get("type") != "payout" for one in listed):
        raise Refused("The only type is payout", f"deal.{settlements}")
    return deal.get("id"), sum(read_amount(one) for one in listed)


def check_receipt(receipt: Any) -> bool:
    """Whether a receipt comes with the payment or refund. Supplier and agent may only be sent to /receipts."""
    if receipt is None:
        return False
    if not isinstance(receipt, dict):
        raise Refused("Needs an email or a phone", "receipt.customer")
    check_customer(receipt, "receipt.customer")
    for item in read_items(receipt, "receipt.items"):
        if item.keys() & {"supplier", "agent_type"}:
            raise Refused("Supplier and agent are sent to /receipts only", "receipt.items")
    return True


def check_customer(body: Json, name: str) -> None:
    customer = body.get("customer")
    if not isinstance(customer, dict) or not (customer.get("email") or customer.get("phone")):
        raise Refused("Needs an email or a phone", name)


def read_items(body: Json, name: str) -> list[Json]:
    """The positions of a receipt. What a cash register would refuse beyond this is not simulated."""
    items = body.get("items")
    if not isinstance(items, list) or not 0 < len(items) <= 80:
        raise Refused("Is required, with at most 80 positions", name)
    for item in items:
        if not isinstance(item, dict) or not {"description", "quantity", "amount", "vat_code"} <= item.keys():
            raise Refused("Needs description, quantity, amount and vat_code", name)
        if item["vat_code"] not in range(1, 13):
            raise Refused("Must be between 1 and 12", f"{name}.vat_code")
        read_amount(item)
        read_description(item, 128)
    return items


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= 2048
