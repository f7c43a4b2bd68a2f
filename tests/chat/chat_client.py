"""What two people do over the market dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import ClientResponse, web

from mystar.files.keys import FILES
from tests.conftest import Api
from tests.factory import Person, actor


async def opened(api: Api, person: Person, other: Person) -> int:
    """The id of their conversation."""
    answer = await api.post("/api/v1/conversations/", {"recipient_id": other.id}, as_=person)
    assert answer.status in (200, 201)
    return int((await answer.json())["id"])


async def say(api: Api, person: Person, conversation_id: int, text: str = "", **further: Any) -> ClientResponse:
    path = f"/api/v1/conversations/{conversation_id}/messages/"
    return await api.post(path, {"message": text, **further}, as_=person)


async def said(api: Api, person: Person, conversation_id: int, text: str = "", **further: Any) -> dict[str, Any]:
    """The message as the sender got it back."""
    answer = await say(api, person, conversation_id, text, **further)
    assert answer.status == 201, await answer.text()
    message: dict[str, Any] = await answer.json()
    return message


async def heard(api: Api, person: Person, conversation_id: int, **query: Any) -> list[dict[str, Any]]:
    """The newest messages of the page."""
    answer = await api.get(f"/api/v1/conversations/{conversation_id}/messages/", params=query, as_=person)
    assert answer.status == 200
    results: list[dict[str, Any]] = (await answer.json())["results"]
    return results


async def seen(api: Api, person: Person, conversation_id: int) -> dict[str, Any]:
    """The conversation as the person sees it."""
    answer = await api.get(f"/api/v1/conversations/{conversation_id}/", as_=person)
    assert answer.status == 200
    conversation: dict[str, Any] = await answer.json()
    return conversation


async def mark(api: Api, person: Person, conversation_id: int, number: int | None = None) -> dict[str, Any]:
    answer = await api.post(f"/api/v1/conversations/{conversation_id}/read/", {"number": number}, as_=person)
    assert answer.status == 200
    marked: dict[str, Any] = await answer.json()
    return marked


async def uploaded(app: web.Application, person: Person, name: str = "notes.txt", content: bytes = b"hello") -> int:
    """The id of a file of the person's own that nothing uses yet."""

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    file = await app[FILES].receive(actor(person), chunks(), kinds=("other",), folder="uploads", name=name)
    return file.id
