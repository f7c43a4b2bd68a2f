"""A single wrong field is told in the sentences that clients show."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Api

PERSON = {"username": "olga", "email": "olga@example.com", "password": "Greeting-for-Mum-77"}
IDENTITY = {"phone_number": "+79990000003", "email": "lk@example.com", "hash_password": "123"}


@pytest.mark.parametrize(
    ("path", "body", "keys"),
    [
        ("/api/auth/register/", PERSON | {"password": "123"}, ("error", "detail")),
        ("/authorization/registration", IDENTITY, ("message", "detail")),
        ("/auth/register/", PERSON | {"username": "olga_5", "password": "123"}, ("message", "detail")),
    ],
)
async def test_a_single_wrong_field_is_the_message(
    api: Api, path: str, body: dict[str, Any], keys: tuple[str, ...]
) -> None:
    answer = await (await api.post(path, body)).json()
    (texts,) = answer["errors"].values()
    assert {answer[key] for key in keys} == {" ".join(texts)}
    assert "8" in answer["detail"]


async def test_of_several_wrong_fields_the_message_is_general(api: Api) -> None:
    answer = await (await api.post("/api/auth/register/", {"username": "", "password": "123"})).json()
    assert len(answer["errors"]) > 1
    assert answer["detail"] == answer["error"] == "Проверьте введённые данные."
