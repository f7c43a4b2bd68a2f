"""Who may do what with an object that has an id, as one table: everything else is refused.

o: its owner, p: the other party to it, s: a stranger, g: a guest, a: staff. What may not be seen is a 404; a party
that sees a thing and may not do this to it gets a 403 (D4, D23).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

EVERYBODY = "opsga"


@dataclass(frozen=True)
class Rights:
    """``whose``: "buyer" or "creator", the other one is the party. ``body``: one that would do."""

    whose: str
    allowed: str
    body: Any = None
    query: str = ""
    #: The status for a logged-in stranger.
    refusal: int = 404
    #: Another thing than the variable's usual one.
    ids: tuple[tuple[str, str], ...] = ()


def buyers(allowed: str, body: Any = None, **more: Any) -> Rights:
    return Rights("buyer", allowed, body, **more)


def creators(allowed: str, body: Any = None, **more: Any) -> Rights:
    return Rights("creator", allowed, body, **more)


def staffs(body: Any = None) -> Rights:
    """The existence of the panel is no secret."""
    return Rights("buyer", "a", body, refusal=403)


#: Every page of the panel; roles are tested in `tests/admin`.
PANEL = Rights("buyer", "a")

_DONE = (("order_id", "done_order_id"),)
_STUDIO = (("id", "studio order"),)
_ACCOUNT = (("id", "studio account"),)
_SERVICE = {"title": "Ролик", "category_id": 1, "base_price": 500, "delivery_time": 2}
_ITEM, _IMAGE = "/api/portfolio/{item_id}/", "/api/portfolio-images/{image_id}/"
_ORDER, _TALK = "/api/v1/orders/{order_id}/", "/api/v1/conversations/{conversation_id}/"
_SKILL, _NOTE = "/api/creator-skills/{creator_skill_id}/", "/api/v1/notifications/{notification_id}/"
_PROFILE, _PLACED = "/api/profiles/profiles/{id}/", "/api/orders/orders/{id}/"
_OFFER = "/api/v1/offers/{offer_id}/"
_REASON = {"reason": "Передумали"}

#: By method and address, in the order of the test: operations that delete come last.
RIGHTS: dict[str, Rights] = {
    "GET /api/skills/{skill_id}/": creators(EVERYBODY),
    f"PUT {_SKILL}": creators("o", {"level": 3}),
    f"PATCH {_SKILL}": creators("o", {"level": 3}),
    "GET /api/v1/services/{service_id}/": creators(EVERYBODY),
    "GET /api/services/{service_id}/": creators(EVERYBODY),
    "PUT /api/v1/services/{service_id}/": creators("o", _SERVICE),
    "PATCH /api/v1/services/{service_id}/": creators("o", {"title": "Ролик"}),
    "GET /api/v1/creators/{creator_id}/": creators(EVERYBODY),
    "PATCH /api/v1/creators/{creator_id}/": creators("o", {"bio": "Снимаю"}),
    "GET /api/v1/client-profiles/{account_id}/": buyers("o"),
    "PATCH /api/v1/client-profiles/{account_id}/": buyers("o", {"first_name": "Анна"}),
    "GET /api/v1/payouts/{payout_id}/": creators("o"),
    "POST /api/v1/payouts/{payout_id}/cancel/": creators("o"),
    "GET /api/v1/earnings/statements/{statement_id}/": creators("o"),
    f"GET {_ITEM}": creators(EVERYBODY),
    f"PUT {_ITEM}": creators("o", {"title": "Ролик"}),
    f"PATCH {_ITEM}": creators("o", {"title": "Ролик"}),
    "POST /api/portfolio/{item_id}/view/": creators(EVERYBODY),
    f"GET {_IMAGE}": creators(EVERYBODY),
    f"PUT {_IMAGE}": creators("o", {"caption": "Кадр"}),
    f"PATCH {_IMAGE}": creators("o", {"caption": "Кадр"}),
    "GET /api/v1/files/{file_id}/": buyers("o"),
    f"GET {_ORDER}": buyers("opa"),
    f"PATCH {_ORDER}": buyers("o", {"requirements": "Три минуты"}),
    f"GET {_ORDER}deliveries/": buyers("opa"),
    f"POST {_ORDER}pay/": buyers("o"),
    f"POST {_ORDER}accept/": buyers("p"),
    f"POST {_ORDER}deliveries/": buyers("p", {"message": "Готово"}),
    f"POST {_ORDER}request-revision/": buyers("o", _REASON),
    f"POST {_ORDER}approve/": buyers("oa"),
    f"POST {_ORDER}dispute/": buyers("op", _REASON),
    f"POST {_ORDER}capture/": buyers("a"),
    f"POST {_ORDER}refund/": buyers("a", _REASON),
    f"POST {_ORDER}cancel/": buyers("opa", _REASON),
    f"POST {_ORDER}reject/": buyers("p", _REASON),
    f"POST {_ORDER}reviews/": buyers("o", {"content": "Спасибо", "rating": 5}, ids=_DONE),
    "GET /api/v1/creators/{creator_id}/reviews/": creators(EVERYBODY),
    "GET /api/v1/services/{service_id}/reviews/": creators(EVERYBODY),
    "GET /api/v1/reviews/{review_id}/": buyers(EVERYBODY),
    # Reviews are public; only the creator answers.
    "POST /api/v1/reviews/{review_id}/reply/": buyers("p", {"content": "Приходите ещё"}),
    f"GET {_TALK}": buyers("op"),
    f"GET {_TALK}messages/": buyers("op"),
    f"GET {_TALK}changes/": buyers("op"),
    f"POST {_TALK}messages/": buyers("op", {"message": "Здравствуйте"}),
    f"PATCH {_TALK}messages/{{message_id}}/": buyers("o", {"message": "Добрый день"}),
    f"POST {_TALK}read/": buyers("op"),
    "GET /ws/conversations/{conversation_id}/": buyers("op"),
    f"GET {_TALK}offers/": buyers("op"),
    # Of a service of the one that offers it.
    f"POST {_TALK}offers/": buyers("p", {"service_id": 2, "price": 500, "delivery_days": 2}),
    f"GET {_OFFER}": buyers("op"),
    f"POST {_OFFER}accept/": buyers("o"),
    f"POST {_OFFER}decline/": buyers("o", ids=(("offer_id", "declined_offer_id"),)),
    f"POST {_OFFER}withdraw/": buyers("p", ids=(("offer_id", "withdrawn_offer_id"),)),
    "GET /api/v1/reports/{report_id}/": buyers("o"),
    f"GET {_NOTE}": creators("o"),
    f"POST {_NOTE}mark-as-read/": creators("o"),
    "GET /private/{chat_id}/messages": buyers("op", query="?limit=10&offset=0"),
    "GET /private/{chat_id}/info/": buyers("op"),
    "POST /private/add-message/{chat_id}/": buyers("op", {"text": "Здравствуйте"}),
    "GET /api/accounts/users/{id}/": buyers("o", ids=_ACCOUNT),
    f"GET {_PROFILE}": buyers("oa", ids=_ACCOUNT),
    f"PUT {_PROFILE}": buyers("o", {"first_name": "Анна"}, ids=_ACCOUNT),
    f"PATCH {_PROFILE}": buyers("o", {"first_name": "Анна"}, ids=_ACCOUNT),
    f"GET {_PLACED}": buyers("oa", ids=_STUDIO),
    f"PUT {_PLACED}": buyers("oa", {"title": "Сайт", "description": "Визитка"}, ids=_STUDIO),
    f"PATCH {_PLACED}": buyers("oa", {"title": "Сайт"}, ids=_STUDIO),
    "POST /admin/studio-orders/{order_id}/process/": staffs(),
    f"DELETE {_PLACED}": buyers("oa", ids=_STUDIO),
    f"DELETE {_TALK}messages/{{message_id}}/": buyers("o"),
    f"DELETE {_NOTE}": creators("o"),
    "DELETE /api/v1/push/subscriptions/{subscription_id}/": creators("o"),
    "DELETE /api/v1/users/me/absences/{absence_id}/": creators("o", refusal=403),
    "DELETE /api/v1/files/{file_id}/": buyers("o"),
    f"DELETE {_IMAGE}": creators("o"),
    f"DELETE {_ITEM}": creators("o"),
    f"DELETE {_SKILL}": creators("o"),
    "DELETE /api/v1/services/{service_id}/": creators("o"),
    # Everyone may block others; the id is that of the blocked account.
    "POST /api/v1/users/{user_id}/block/": buyers("opsa"),
    "DELETE /api/v1/users/{user_id}/block/": buyers("opsa"),
    "PATCH /api/v1/users/me/factors/{factor_id}/": buyers("o", {"name": "Телефон"}),
    "DELETE /api/v1/users/me/identities/{id}/": buyers("o"),
    "GET /api/v1/users/me/export/{export_id}/archive/": buyers("o"),
    "DELETE /api/v1/users/me/factors/{factor_id}/": buyers("o"),
    "DELETE /api/v1/users/me/sessions/{sid}/": buyers("o"),
    "POST /admin/accounts/{id}/reset-factors/": staffs(),
    "POST /admin/accounts/{id}/block/": staffs(),
    "POST /admin/accounts/{id}/unblock/": staffs(),
}
