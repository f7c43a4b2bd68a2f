"""The provider's objects as the API shows them."""

from dataclasses import asdict, dataclass

from mystar.sandbox.yookassa.records import (
    CANCELED,
    HELD,
    PENDING,
    SUCCEEDED,
    Deal,
    Json,
    Payment,
    Payout,
    PersonalData,
    Receipt,
    Record,
    Refund,
)


@dataclass(frozen=True)
class Merchant:
    """Who may call: the shop and, with credentials of its own, the payout gateway.

    `public_url` is where the sandbox is reached from outside, without a slash at the end.
    """

    id: str
    secret_key: str
    public_url: str
    agent_id: str
    payout_secret_key: str


def render(subject: Record, merchant: Merchant) -> Json:
    match subject:
        case Payment():
            return payment_view(subject, merchant)
        case Refund():
            return refund_view(subject)
        case Payout():
            return payout_view(subject)
        case Deal():
            return deal_view(subject)
        case Receipt():
            return receipt_view(subject)
        case PersonalData():
            return personal_data_view(subject)
    raise TypeError(f"no view of {type(subject).__name__}")


def payment_view(payment: Payment, merchant: Merchant) -> Json:
    """The payment object of the API. After a partial capture `amount` is what was taken."""
    amount = payment.captured if payment.status == SUCCEEDED else payment.amount
    view: Json = {
        "id": payment.id,
        "status": payment.status,
        "amount": money(amount),
        "recipient": {"account_id": merchant.id, "gateway_id": "100700"},
        "created_at": payment.created_at,
        "test": True,
        "paid": payment.status in (HELD, SUCCEEDED),
        "refundable": payment.status == SUCCEEDED and payment.refunded + payment.charged_back < payment.captured,
        "metadata": payment.metadata,
    }
    for add in (_add_optional, _add_confirmation, _add_method, _add_ending):
        view |= add(payment, merchant)
    return view


def _add_optional(payment: Payment, _merchant: Merchant) -> Json:
    view: Json = {} if payment.description is None else {"description": payment.description}
    if payment.receipt_registration:
        view["receipt_registration"] = payment.receipt_registration
    if payment.deal_id:
        settlements = [{"type": "payout", "amount": money(payment.settlement)}]
        view["deal"] = {"id": payment.deal_id, "settlements": settlements}
    return view


def _add_confirmation(payment: Payment, merchant: Merchant) -> Json:
    if payment.status != PENDING:
        return {}
    url = confirmation_url(payment, merchant)
    if payment.confirmation == "qr":
        return {"confirmation": {"type": "qr", "confirmation_data": url}}
    return {"confirmation": {"type": "redirect", "return_url": payment.return_url, "confirmation_url": url}}


def _add_method(payment: Payment, _merchant: Merchant) -> Json:
    if not payment.authorized:
        return {}
    if payment.method == "sbp":
        bank = {"bank_id": "100000000111", "bic": "044525225"}
        operation = {"sbp_operation_id": payment.id.replace("-", "").upper()[:32], "payer_bank_details": bank}
        return {"payment_method": {"type": "sbp", "id": payment.id, "saved": False, "title": "SBP", **operation}}
    authorized = {"rrn": "10000000000", "auth_code": "000000", "three_d_secure": {"applied": False}}
    return {"payment_method": _card(payment), "authorization_details": authorized}


def _add_ending(payment: Payment, _merchant: Merchant) -> Json:
    match payment.status:
        case "waiting_for_capture":
            return {"expires_at": payment.expires_at}
        case "succeeded":
            return {
                "captured_at": payment.captured_at,
                "income_amount": money(payment.captured - payment.fee),
                "refunded_amount": money(payment.refunded),
            }
        case "canceled":
            return {"cancellation_details": payment.cancellation}
    return {}


def _card(payment: Payment) -> Json:
    card = {"first6": "555555", "last4": "4477", "expiry_year": "2035", "expiry_month": "12", "card_type": "MasterCard"}
    return {"type": payment.method, "id": payment.id, "saved": False, "card": card, "title": "Bank card *4477"}


def refund_view(refund: Refund) -> Json:
    view: Json = {
        "id": refund.id,
        "payment_id": refund.payment_id,
        "status": refund.status,
        "amount": money(refund.amount),
        "created_at": refund.created_at,
    }
    if refund.description is not None:
        view["description"] = refund.description
    if refund.cancellation:
        view["cancellation_details"] = refund.cancellation
    return view


def payout_view(payout: Payout) -> Json:
    """A returned payout looks successful, as it does at the provider."""
    view: Json = {
        "id": payout.id,
        "status": payout.status,
        "amount": money(payout.amount),
        "payout_destination": dict(payout.destination),
        "created_at": payout.created_at,
        "metadata": payout.metadata,
        "test": True,
    }
    if payout.description is not None:
        view["description"] = payout.description
    if payout.deal_id:
        view["deal"] = {"id": payout.deal_id}
    if payout.status == SUCCEEDED:
        view["succeeded_at"] = payout.succeeded_at
        if payout.destination["type"] == "sbp":
            view["payout_destination"]["sbp_operation_id"] = payout.id.replace("-", "").upper()[2:34]
    if payout.status == CANCELED:
        view["cancellation_details"] = payout.cancellation
    return view


def deal_view(deal: Deal) -> Json:
    view = asdict(deal) | {"type": "safe_deal", "test": True}
    view |= {"balance": money(deal.balance), "payout_balance": money(deal.payout_balance)}
    return {name: value for name, value in view.items() if value is not None}


def receipt_view(receipt: Receipt) -> Json:
    view = {name: value for name, value in asdict(receipt).items() if value is not None}
    if receipt.status == SUCCEEDED:
        view |= {
            "fiscal_document_number": "1234",
            "fiscal_storage_number": "9288000100115785",
            "fiscal_attribute": "2617603921",
            "fiscal_provider_id": "fd9e9404-eaca-4000-8ec9-dc228ead2345",
            "registered_at": receipt.registered_at or receipt.created_at,
        }
    return view


def personal_data_view(data: PersonalData) -> Json:
    view = asdict(data)
    del view["name"]
    return {name: value for name, value in view.items() if value is not None}


def confirmation_url(payment: Payment, merchant: Merchant) -> str:
    return f"{merchant.public_url}/pay/{payment.id}"


def money(kopecks: int) -> dict[str, str]:
    sign, rest = "-" * (kopecks < 0), abs(kopecks)
    return {"value": f"{sign}{rest // 100}.{rest % 100:02d}", "currency": "RUB"}
