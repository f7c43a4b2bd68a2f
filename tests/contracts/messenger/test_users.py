"""Finding people, and one's own picture, as the messenger's clients do it (docs/dialects/messenger.md)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from PIL import Image

from mystar.accounts.keys import STAFF
from mystar.kit.keys import DATABASE
from mystar.kit.web.media_urls import SIDES
from mystar.settings import Settings
from tests.conftest import Api
from tests.contracts.messenger.test_accounts import refused
from tests.factory import Factory, Person, actor, picture
from tests.files.conftest import stored
from tests.files.uploading import form

SEARCH, AVATAR = "/users/user/", "/users/upload-avatar/"


@pytest.fixture
async def anna(factory: Factory) -> Person:
    return await factory.person("Анна Ким", channel="messenger")


async def find(api: Api, person: Person | None, username: Any) -> ClientResponse:
    return await api.get(SEARCH, params={"username": username}, as_=person)


async def upload(api: Api, person: Person | None, name: str = "me.jpg", content: bytes | None = None) -> ClientResponse:
    data = form(avatar_file=(name, picture() if content is None else content))
    return await api.patch(AVATAR, data=data, as_=person)


async def test_an_account_is_found_by_its_exact_name(api: Api, anna: Person, factory: Factory) -> None:
    boris = await factory.person("boris")
    for name in ("boris", "BORIS", " Boris "):
        answer = await find(api, anna, name)
        assert answer.status == 200
        assert await answer.json() == [
            {
                "id": boris.id,
                "username": "boris",
                "avatar_url": None,
                "avatar_sizes": None,
                "description": "",
                "status": "",
            }
        ]
    (herself,) = await (await find(api, anna, "анна ким")).json()
    assert herself["id"] == anna.id


async def test_other_searches_find_nothing(api: Api, anna: Person, factory: Factory) -> None:
    boris = await factory.person("boris", phone="+79161234567")
    for name in ("bori", "boris1", "%", "b_ris", boris.email, "+79161234567", str(boris.id), "' or 1=1 --"):
        await refused(await find(api, anna, name), 404, "User dont exist.")


async def test_blocked_accounts_are_not_found(api: Api, app: web.Application, anna: Person, factory: Factory) -> None:
    boris, staff = await factory.person("boris"), await factory.staff()
    await app[STAFF].block(actor(staff, "owner"), boris.id)
    await refused(await find(api, anna, "boris"), 404, "User dont exist.")


async def test_a_search_needs_a_name_and_a_token(api: Api, anna: Person) -> None:
    for params in ({}, {"username": ""}, {"username": "  "}, {"username": "a" * 151}, {"username": "a\0b"}):
        body = await refused(await api.get(SEARCH, params=params, as_=anna), 422)
        assert set(body["errors"]) == {"username"}
    answer = await find(api, None, anna.username)
    await refused(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_an_avatar_is_served_in_four_sizes(api: Api, anna: Person) -> None:
    answer = await upload(api, anna, content=picture("PNG", (1200, 1000)), name="me.png")
    body = await answer.json()
    assert (answer.status, body["detail"]) == (200, "success")

    (found,) = await (await find(api, anna, anna.username)).json()
    assert (found["avatar_url"], found["avatar_sizes"]) == (body["avatar_url"], body["avatar_sizes"])
    assert found["avatar_url"].startswith(f"{api.url}/media/avatars/")
    assert await (await api.get(found["avatar_url"])).read() == picture("PNG", (1200, 1000))
    for side in SIDES:
        small = Image.open(io.BytesIO(await (await api.get(found["avatar_sizes"][str(side)])).read()))
        assert (small.format, small.size) == ("WEBP", (side, side))
    assert (await (await api.get("/api/personal/", as_=anna)).json())["avatar"] in found["avatar_url"]
    herself = await (await api.get("/api/v1/users/me/", as_=anna)).json()
    assert (herself["avatar"], herself["avatar_sizes"]) == (found["avatar_url"], found["avatar_sizes"])


async def test_a_new_avatar_replaces_the_old_one_in_all_dialects(api: Api, app: web.Application, anna: Person) -> None:
    first = await (await upload(api, anna)).json()
    greetings = await api.post("/api/upload/avatar/", data=form(image=("me.jpg", picture())), as_=anna)
    second = await greetings.json()
    for address in (first["avatar_url"], *first["avatar_sizes"].values()):
        assert (await api.get(address)).status == 404
    (found,) = await (await find(api, anna, anna.username)).json()
    assert found["avatar_url"] == api.url + second["image"]
    assert await app[DATABASE].value("select count(*) from files") == 1
    assert await app[DATABASE].value("select count(*) from file_copies") == len(SIDES)


async def test_a_broken_picture_is_refused_by_field(
    api: Api, anna: Person, settings: Settings, factory: Factory
) -> None:
    hostile = [
        ("me.jpg", b"a text"),
        ("me.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("me.exe", picture("JPEG")),
        ("me.jpg", picture("JPEG")[:-100]),
        ("me.jpg", b""),
    ]
    for name, content in hostile:
        body = await refused(await upload(api, anna, name, content), 422)
        assert set(body["errors"]) == {"avatar_file"}, name
    wrong_part = await api.patch(AVATAR, data=form(image=("me.jpg", picture())), as_=anna)
    assert set((await refused(wrong_part, 422))["errors"]) == {"avatar_file"}
    nothing = await api.patch(AVATAR, data=form(username="anna"), as_=anna)
    assert set((await refused(nothing, 422))["errors"]) == {"avatar_file"}
    await refused(await api.patch(AVATAR, {"avatar_file": "text"}, as_=anna), 415)
    await refused(await upload(api, anna, content=picture() + bytes(16 * 2**20)), 413)
    assert stored(Path(settings.data_dir) / "media") == []


async def test_a_guest_cannot_upload_an_avatar(api: Api) -> None:
    await refused(await upload(api, None), 401)


async def test_the_name_of_a_file_is_ignored(api: Api, anna: Person, factory: Factory) -> None:
    boris = await factory.person()
    urls = [(await (await upload(api, person, "same.jpg")).json())["avatar_url"] for person in (anna, boris)]
    assert len(set(urls)) == 2
    assert [(await api.get(url)).status for url in urls] == [200, 200]
