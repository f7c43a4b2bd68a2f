"""The other names of things: all are served, and none is a redirect (contract, "Aliases")."""

from __future__ import annotations

import pytest
from aiohttp import web

from mystar.app import contracts
from tests.access.objects import Objects, make_objects
from tests.conftest import Api
from tests.factory import Factory

ROUTES = [(contract.name, route) for contract in contracts() for route in contract.routes]
HANDLERS = {(route.method, route.path): route.handler for _, route in ROUTES}

#: One document prints both addresses, with shapes of their own.
OTHER_SHAPE = ("GET", r"/api/services/{service_id:\d{1,18}}/")
#: The alias, and what it is another name of; None where it has no other name.
ALIASES = {
    "POST /api/order/accept/": "POST /api/orderaccept/",
    "POST /password-reset/": "POST /password_reset/",
    "GET /password-reset/confirm/": "GET /password_reset/confirm/",
    "POST /password-reset/confirm/": "POST /password_reset/confirm/",
    "POST /password-reset/validate_token/": "POST /password_reset/validate_token/",
    "GET /api/vk-login/": None,
    "POST /api/vk-login/": None,
    "PUT /api/personal/": None,
    "GET /api/registration-confirm/": None,
    "GET /api/star/favorite/": None,
    "POST /api/star/favorite/": None,
    "DELETE /api/star/favorite/": None,
    "POST /api/form-request/star/": None,
    "POST /api/support/": None,
    "GET /api/example/": None,
    "GET /api/auth/verify-email/": None,
    r"POST /api/notifications/{notification_id:\d{1,18}}/mark-read/": (
        r"POST /api/v1/notifications/{notification_id:\d{1,18}}/mark-as-read/"
    ),
    "GET /api/v1/storage/files/": "GET /api/v1/files/",
    "POST /api/v1/storage/files/": "POST /api/v1/files/upload/",
    r"DELETE /api/v1/storage/files/{file_id:\d{1,18}}/": r"DELETE /api/v1/files/{file_id:\d{1,18}}/",
}


def _handler(spelt: str) -> object:
    method, _, path = spelt.partition(" ")
    return HANDLERS.get((method, path))


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_served(alias: str) -> None:
    original = ALIASES[alias]
    assert _handler(alias) is not None
    if original is not None:
        assert _handler(alias) is _handler(original)


def test_market_addresses_are_served_without_version_unless_taken() -> None:
    elsewhere = {route.path for name, route in ROUTES if name != "market"}
    missing = []
    for name, route in ROUTES:
        bare = route.path.replace("/api/v1/", "/api/", 1)
        is_ours = name == "market" and bare != route.path and bare not in elsewhere
        if is_ours and (route.method, bare) != OTHER_SHAPE and HANDLERS.get((route.method, bare)) is not route.handler:
            missing.append(f"{route.method} {bare}")
    assert not missing


async def test_a_missing_or_surplus_slash_is_answered(api: Api) -> None:
    for _, route in ROUTES:
        if "{" not in route.path and len(route.path) > 1 and route.method == "GET":
            other = route.path[:-1] if route.path.endswith("/") else route.path + "/"
            answers = [await api.get(path) for path in (route.path, other)]
            assert answers[0].status == answers[1].status, route.path


@pytest.fixture
async def objects(app: web.Application, api: Api, factory: Factory) -> Objects:
    return await make_objects(app, api, factory)


async def test_fields_and_filters_have_their_other_names(api: Api, objects: Objects) -> None:
    creator, ids = objects.creator, objects.ids
    for path in ("/api/creator-skills/", "/api/portfolio/"):
        of_one = [
            await (await api.get(path, params={name: str(ids["creator_id"])}, as_=objects.stranger)).json()
            for name in ("creator_profile_id", "creator_profile")
        ]
        assert of_one[0]["count"] == of_one[1]["count"] == 1, path
    for name in ("portfolio_item_id", "portfolio_item"):
        found = await api.get("/api/portfolio-images/", params={name: str(ids["item_id"])}, as_=creator)
        assert (await found.json())["count"] == 1
    for name in ("skill", "skill_id"):
        # Named, but given already.
        assert (await api.post("/api/creator-skills/", {name: ids["skill_id"]}, as_=creator)).status == 409
    review = {"comment": "Спасибо", "rating": 5}
    answer = await api.post(f"/api/v1/orders/{ids['done_order_id']}/reviews/", review, as_=objects.buyer)
    # There is one by the other name.
    assert answer.status == 409
