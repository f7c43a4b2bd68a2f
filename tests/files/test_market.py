"""Market endpoints of uploads (docs/dialects/market.md#files; D38; promise S12)."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientResponse, web

from mystar.files.inspection import Inspector
from mystar.files.keys import FILES
from mystar.files.model import VIDEOS
from mystar.kit.keys import DATABASE
from tests.conftest import Api
from tests.factory import Factory, Person, picture, video
from tests.files.uploading import form
from tests.subtests import as_subtests

UPLOAD, FILES_PATH = "/api/v1/files/upload/", "/api/v1/files/"
SEED_KEYS = {"id", "name", "url", "size", "content_type", "uploaded_at"}


@pytest.fixture
async def anna(factory: Factory) -> Person:
    return await factory.person()


async def upload(api: Api, person: Person | None, content: bytes, name: str, part: str = "file") -> ClientResponse:
    return await api.post(UPLOAD, data=form(**{part: (name, content)}), as_=person)


async def kept(api: Api, person: Person, content: bytes = b"hello", name: str = "a.txt") -> dict[str, Any]:
    answer = await upload(api, person, content, name)
    assert answer.status == 201, await answer.text()
    view: dict[str, Any] = await answer.json()
    return view


async def test_an_upload_has_the_documented_fields_and_can_be_downloaded(api: Api, anna: Person) -> None:
    # As browsers write names: in UTF-8, without quoting it.
    data = aiohttp.FormData(quote_fields=False)
    data.add_field("file", b"hello", filename="Письмо маме.txt")
    sent = await api.post(UPLOAD, data=data, as_=anna)
    assert sent.status == 201
    file = await sent.json()
    assert file.keys() >= SEED_KEYS
    assert (file["name"], file["size"], file["content_type"]) == ("Письмо маме.txt", 5, "application/octet-stream")
    assert not file["is_attached"]
    assert await (await api.get(file["url"])).read() == b"hello"
    assert await (await api.get(f"{FILES_PATH}{file['id']}/", as_=anna)).json() == file


@pytest.mark.parametrize(("format_", "codec"), [("mp4", "mpeg4"), ("webm", "vp8")])
async def test_a_video_has_its_duration_and_dimensions(api: Api, anna: Person, format_: str, codec: str) -> None:
    file = await kept(api, anna, video(format_), f"film.{format_}")
    assert file["kind"] == "video"
    assert (file["width"], file["height"], file["codec"]) == (64, 48, codec)
    assert file["duration"] == pytest.approx(1, abs=0.3)
    other = await kept(api, anna)
    assert [other[name] for name in ("duration", "width", "height", "codec")] == [None] * 4


async def test_a_broken_video_is_refused(api: Api, anna: Person) -> None:
    answer = await upload(api, anna, video()[:300], "film.mp4")
    assert (answer.status, list((await answer.json())["errors"])) == (422, ["file"])


async def test_inspecting_a_video_does_not_read_all_of_it(tmp_path: Any) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(video())
    with path.open("ab") as film:
        # A box that players skip; most of it is not even on the disk.
        film.write((2**31).to_bytes(4, "big") + b"free")
        film.truncate(len(video()) + 2**31)
    inspector = Inspector(None, max_pixels=1, max_frames=1)
    async with inspector.inspected(path, VIDEOS["video/mp4"], person="anna") as seen:
        assert seen.video is not None
        assert seen.video.codec == "mpeg4"


async def test_own_uploads_are_listed_in_pages_newest_first(api: Api, anna: Person, factory: Factory) -> None:
    await kept(api, await factory.person())
    ids = [(await kept(api, anna, b"x%d" % number))["id"] for number in range(5)]
    page = await (await api.get(FILES_PATH, as_=anna, params={"page_size": "2", "page": "2"})).json()
    assert (page["count"], [one["id"] for one in page["results"]]) == (5, [ids[2], ids[1]])
    assert page["next"].endswith("page=3") or "page=3" in page["next"]
    assert (await api.get(FILES_PATH, as_=anna, params={"page": "9"})).status == 404
    assert (await api.get(FILES_PATH, as_=anna, params={"page_size": "101"})).status == 422


async def test_only_the_owner_deletes_an_upload(api: Api, anna: Person, factory: Factory) -> None:
    file = await kept(api, anna)
    path = f"{FILES_PATH}{file['id']}/"
    for person, status in ((None, 401), (await factory.person(), 404), (anna, 204), (anna, 404)):
        assert (await api.delete(path, as_=person)).status == status
    assert (await api.get(file["url"])).status == 404


async def test_a_file_in_use_is_not_deleted(api: Api, app: web.Application, anna: Person) -> None:
    file = await kept(api, anna)
    async with app[DATABASE].transaction() as tx:
        await app[FILES].attach(tx, file["id"], owner_id=anna.id)
    refused = await api.delete(f"{FILES_PATH}{file['id']}/", as_=anna)
    assert (refused.status, (await refused.json())["code"]) == (409, "file_in_use")
    assert (await (await api.get(f"{FILES_PATH}{file['id']}/", as_=anna)).json())["is_attached"]


@as_subtests
@pytest.mark.parametrize("base", ["/api/files/", "/api/v1/storage/files/", "/api/storage/files/", "/api/v1/files"])
async def test_the_aliases_of_the_clients_are_served(api: Api, anna: Person, base: str) -> None:
    sent = await api.post(base, data=form(file=("a.txt", b"hello"), temporary="true"), as_=anna)
    assert sent.status == 201
    listed = await (await api.get(base, as_=anna)).json()
    assert [one["id"] for one in listed["results"]] == [(await sent.json())["id"]]
    assert (await api.delete(f"{base.rstrip('/')}/{listed['results'][0]['id']}/", as_=anna)).status == 204


async def test_a_form_has_one_file_in_a_field_of_any_name(api: Api, anna: Person) -> None:
    assert (await upload(api, anna, b"hello", "a.txt", part="document")).status == 201
    for data in (form(note="hello"), form(file=("a.txt", b"1"), other=("b.txt", b"2")), form(file=("a.txt", b""))):
        answer = await api.post(UPLOAD, data=data, as_=anna)
        assert (answer.status, list((await answer.json())["errors"])) == (422, ["file"])
    assert (await (await api.get(FILES_PATH, as_=anna)).json())["count"] == 1


async def test_guests_and_bodies_other_than_forms_are_refused(api: Api, anna: Person) -> None:
    assert (await api.post(UPLOAD, {"file": "hello"}, as_=anna)).status == 415
    assert (await upload(api, None, b"hello", "a.txt")).status == 401
    for wrong in ("abc", "0", "9" * 30):
        assert (await api.delete(f"{FILES_PATH}{wrong}/", as_=anna)).status in (404, 422)


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10 * 2**20))
    return file.getvalue()


SCRIPT = b"<script>alert(document.cookie)</script>"
HOSTILE = {
    "page.html": b"<!doctype html><html>" + SCRIPT,
    "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>",
    "feed.xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "code.js": b"alert(1)",
    "bomb.zip": bomb(),
    "program.exe": b"MZ" + bytes(500),
    "letter.pdf": b"%PDF-1.4\n" + SCRIPT,
    "list.m3u8": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "picture.html": picture("JPEG"),
    "film.php": video(),
    "../../../etc/cron.d/job": b"* * * * * root id\n",
    "..\\..\\windows\\a.bat": b"@echo off",
    "a\u202etxt.exe": b"hello",
    "con%00.txt": b"hello",
    ".htaccess": b"AddType text/html .txt",
    "x" * 300 + ".txt": b"hello",
}


@as_subtests
@pytest.mark.parametrize("name", HOSTILE)
async def test_uploads_are_served_as_downloads_only(api: Api, anna: Person, name: str) -> None:
    file = await kept(api, anna, HOSTILE[name], name)
    assert not set("/\\\u202e\0") & set(file["name"])
    assert len(file["name"]) <= 200
    answer = await api.get(file["url"])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert await answer.read() == HOSTILE[name]


async def test_a_picture_that_is_also_a_script_is_served_as_a_picture(api: Api, anna: Person) -> None:
    file = await kept(api, anna, picture("GIF") + SCRIPT, "a.gif")
    answer = await api.get(file["url"])
    assert answer.headers["Content-Type"] == "image/gif"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
