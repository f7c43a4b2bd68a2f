"""Pictures of works that are replaced or deleted leave no files (promise F3)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mystar.app import broken_invariants
from mystar.files.keys import FILES
from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import Person, picture
from tests.files.conftest import stored
from tests.files.uploading import form
from tests.portfolio.conftest import IMAGES, ITEMS, Show


async def left(app: web.Application, media_folder: Path) -> list[str]:
    """What lies in the storage after a sweep; every row has its bytes and every byte its row."""
    await app[FILES].sweep()
    assert await broken_invariants(app) == []
    keys = [row["key"] for row in await app[DATABASE].all("select key from files order by key")]
    assert stored(media_folder) == keys
    return keys


async def test_replaced_deleted_and_refused_pictures_leave_no_files(
    api: Api, app: web.Application, show: Show, add: Show, creator: Person, other: Person, media_folder: Path
) -> None:
    item = await show()
    image = await add(item)
    assert len(await left(app, media_folder)) == 2
    cover = form(cover_image=("new.png", picture("PNG")))
    assert (await api.patch(f"{ITEMS}{item['id']}/", data=cover, as_=creator)).status == 200
    new = form(image=("new.png", picture("PNG")))
    assert (await api.patch(f"{IMAGES}{image['id']}/", data=new, as_=creator)).status == 200
    refused = (
        ("PATCH", f"{ITEMS}{item['id']}/", form(cover_image=("x.png", picture("PNG"))), other, 404),
        ("PATCH", f"{ITEMS}{item['id']}/", form(cover_image=("x.png", picture("PNG")), title=""), creator, 422),
        ("POST", IMAGES, form(portfolio_item=item["id"], image=("x.png", picture("PNG"))), other, 404),
        ("POST", ITEMS, form(cover_image=("x.png", picture("PNG"))), creator, 422),
    )
    for method, path, body, person, status in refused:
        assert (await api.request(method, path, data=body, as_=person)).status == status
    assert len(await left(app, media_folder)) == 2
    assert (await api.delete(f"{ITEMS}{item['id']}/", as_=creator)).status == 204
    assert await left(app, media_folder) == []


async def test_concurrent_edit_and_delete_leave_no_files(
    api: Api, app: web.Application, show: Show, add: Show, creator: Person, media_folder: Path
) -> None:
    for _ in range(4):
        item = await show()
        image = await add(item)
        path = f"{ITEMS}{item['id']}/"
        answers = await asyncio.gather(
            api.patch(path, data=form(cover_image=("x.png", picture("PNG"))), as_=creator),
            api.post(IMAGES, data=form(portfolio_item=item["id"], image=("x.jpg", picture())), as_=creator),
            api.patch(f"{IMAGES}{image['id']}/", data=form(image=("x.jpg", picture())), as_=creator),
            api.delete(path, as_=creator),
        )
        assert [answer.status in (200, 201, 404) for answer in answers[:3]] == [True] * 3
        assert answers[3].status == 204
        assert (await api.get(path)).status == 404
    assert await left(app, media_folder) == []


async def test_concurrent_images_stay_within_the_limit(
    api: Api, app: web.Application, show: Show, creator: Person
) -> None:
    item = await show()
    await app[DATABASE].execute(
        "with files as (insert into files (owner_id, key, kind, name, content_type, size, sha256, attached_at)"
        " select %(owner)s, 'x' || n, 'image', 'x', 'image/png', 0, '', now() from generate_series(1, 18) n"
        " returning id)"
        " insert into portfolio_images (item_id, file_id) select %(item)s, id from files",
        owner=creator.id,
        item=item["id"],
    )
    answers = await asyncio.gather(
        *(
            api.post(IMAGES, data=form(portfolio_item=item["id"], image=("x.jpg", picture())), as_=creator)
            for _ in range(5)
        )
    )
    assert sorted(answer.status for answer in answers) == [201, 201, 409, 409, 409]


@pytest.fixture
def settings(make_settings: Any, request: pytest.FixtureRequest) -> Settings:
    made: Settings = make_settings(**getattr(request, "param", {}))
    return made


@pytest.mark.parametrize("settings", [{"FILES__QUOTA": 3000, "FILES__IMAGE_LIMIT": 2500}], indirect=True)
async def test_pictures_have_their_limits(
    api: Api, app: web.Application, creator: Person, show: Show, media_folder: Path
) -> None:
    large, small = picture("PNG", (400, 400)), picture("JPEG", (16, 16))
    assert len(large) > 2500
    answer = await api.post(ITEMS, data=form(title="x", cover_image=("x.png", large)), as_=creator)
    assert (answer.status, (await answer.json())["code"]) == (413, "file_too_large")
    statuses = set()
    for _ in range(12):
        answer = await api.post(ITEMS, data=form(title="x", cover_image=("x.jpg", small)), as_=creator)
        statuses.add(answer.status)
    assert statuses == {201, 413}
    shown = (await (await api.get(ITEMS, as_=creator)).json())["count"]
    assert len(await left(app, media_folder)) == shown


async def test_adding_a_work_honours_the_idempotency_key(
    api: Api, app: web.Application, creator: Person, media_folder: Path
) -> None:
    headers, content = {"Idempotency-Key": "work"}, picture()
    answers = [
        await api.post(ITEMS, data=form(title="x", cover_image=("x.jpg", content)), as_=creator, headers=headers)
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert await answers[0].json() == await answers[1].json()
    assert len(await left(app, media_folder)) == 1
    body = form(title="y", cover_image=("x.jpg", content))
    assert (await api.post(ITEMS, data=body, as_=creator, headers=headers)).status == 422
