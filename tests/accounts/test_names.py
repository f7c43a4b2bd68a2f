"""Names are visible: no blank letters, hidden characters or stacked marks, in first and last names too."""

from __future__ import annotations

import pytest

from tests.conftest import Api
from tests.factory import Factory
from tests.subtests import as_subtests

ME = "/api/v1/users/me/"
PERSON = {"username": "olga", "email": "olga@example.com", "password": "Greeting-for-Mum-77"}
HIDDEN = ("\u2800", "\u3164", "\u115f", "\uffa0", "\u200b", "\u00ad", "Анна\u202eтеркед", "Zalg" + "o" + "\u0300" * 70)


@as_subtests
@pytest.mark.parametrize("field", ["username", "first_name", "last_name"])
@pytest.mark.parametrize("value", [*HIDDEN, "Анна\u3164", "a\u200db", "***", "😀"])
async def test_a_name_that_is_not_visible_is_refused(api: Api, field: str, value: str) -> None:
    answer = await api.post("/api/auth/register/", PERSON | {field: value})
    assert (answer.status, list((await answer.json())["errors"])) == (422, [field])


@as_subtests
@pytest.mark.parametrize("value", ["李 😀", "Нгуен Thị Ánh", "สมชาย ก็", "कृष्ण", "O'Neil-Смит 2", ""])
async def test_names_of_modern_scripts_are_accepted(api: Api, factory: Factory, value: str) -> None:
    person = await factory.person()
    answer = await api.patch(ME, {"first_name": value}, as_=person)
    assert (answer.status, (await answer.json())["first_name"]) == (200, value)
    refused = await api.patch(ME, {"last_name": "\u3164"}, as_=person)
    assert (refused.status, list((await refused.json())["errors"])) == (422, ["last_name"])
