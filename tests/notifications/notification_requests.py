"""What a person sees of the notifications."""

from __future__ import annotations

from typing import Any

from tests.conftest import Api
from tests.factory import Person

LIST = "/api/v1/notifications/"


async def notifications_of(
    api: Api, person: Person, *, language: str | None = "ru", **query: Any
) -> list[dict[str, Any]]:
    """The page's notifications, newest first."""
    answer = await api.get(LIST, params=query, as_=person, language=language)
    assert answer.status == 200, await answer.text()
    results: list[dict[str, Any]] = (await answer.json())["results"]
    return results


async def kinds(api: Api, person: Person, **query: Any) -> list[str]:
    """Of what the person was told, oldest first."""
    return [one["type"] for one in reversed(await notifications_of(api, person, **query))]


async def unread(api: Api, person: Person) -> int:
    answer = await api.get(LIST + "unread-count/", as_=person)
    assert answer.status == 200
    return int((await answer.json())["unread_count"])
