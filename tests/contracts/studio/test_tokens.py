"""Log-in by phone and refresh in the studio dialect (docs/dialects/studio.md)."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from tests.conftest import Api
from tests.factory import PASSWORD, Factory
from tests.subtests import as_subtests

TOKEN, REFRESH = "/api/token/", "/api/token/refresh/"


async def test_a_phone_in_any_spelling_logs_in(api: Api, factory: Factory) -> None:
    await factory.person(phone="87077776655")
    for phone in ("87077776655", "+77077776655", 77077776655):
        answer = await api.post(TOKEN, {"phone_number": phone, "password": PASSWORD})
        assert answer.status == 200
        pair = await answer.json()
        assert set(pair) == {"refresh", "access"}
    claims = jwt.decode(pair["access"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600
    assert (await api.get("/api/v1/users/me/", headers={"Authorization": pair["access"]})).status == 200
    answer = await api.post(REFRESH, {"refresh": pair["refresh"]})
    assert (answer.status, set(await answer.json())) == (200, {"access"})
    answer = await api.post(REFRESH, {"refresh": pair["refresh"], "rotate": True})
    assert (answer.status, set(await answer.json())) == (200, {"access", "refresh"})


async def test_errors_have_the_shape_of_the_dialect(api: Api, factory: Factory) -> None:
    person = await factory.person(phone="87077776655", channel="studio")
    for body in (
        {"phone_number": "87077776655", "password": "Wrong-Word-42"},
        {"phone_number": "87077776656", "password": PASSWORD},
    ):
        answer = await api.post(TOKEN, body)
        assert (answer.status, set(await answer.json())) == (401, {"detail"})
    for refresh in (person.token, "x", ""):
        answer = await api.post(REFRESH, {"refresh": refresh})
        assert (answer.status, set(await answer.json())) == (401, {"detail"})


@as_subtests
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (TOKEN, {"phone_number": "87077776655"}, "password"),
        (TOKEN, {"password": PASSWORD}, "phone_number"),
        (TOKEN, {"phone_number": [1], "password": PASSWORD}, "phone_number"),
        (REFRESH, {}, "refresh"),
    ],
)
async def test_a_wrong_field_is_400_by_its_name(api: Api, path: str, body: dict[str, Any], field: str) -> None:
    answer = await api.post(path, body)
    assert (answer.status, set(await answer.json())) == (400, {field})
