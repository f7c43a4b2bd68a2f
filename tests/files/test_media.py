"""`/media/…`: who may open a file, and how it is handed out."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from mystar.files.model import StoredFile
from mystar.files.service import FileService
from mystar.kit.keys import DATABASE
from mystar.settings import Settings
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory, Person, picture, video
from tests.files.conftest import Receive
from tests.size import dice, size
from tests.subtests import as_subtests

CONTENT = bytes(random.Random(7).randrange(256) for _ in range(5000))


@pytest.fixture
async def owner(factory: Factory) -> Person:
    return await factory.person()


@pytest.fixture
async def letter(receive: Receive, owner: Person) -> StoredFile:
    """A private file that nothing refers to."""
    return await receive(owner, CONTENT, name="письмо.txt")


@pytest.fixture
async def poster(receive: Receive, owner: Person, files: FileService, app: web.Application) -> StoredFile:
    """A public picture that something refers to."""
    file = await receive(owner, picture(), "image", "poster.jpg", public=True)
    async with app[DATABASE].transaction() as tx:
        return await files.attach(tx, file.id, owner_id=owner.id)


async def test_a_public_picture_is_public_and_cached_for_ever(api: Api, poster: StoredFile) -> None:
    answer = await api.get(f"/media/{poster.key}")

    assert answer.status == 200
    assert await answer.read() == picture()
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"].startswith("public, max-age=")
    assert answer.headers["Content-Disposition"] == "inline; filename*=UTF-8''poster.jpg"
    assert answer.headers["X-Request-ID"]
    assert poster.key.endswith(".jpeg")


async def test_only_its_owner_and_staff_open_a_file_that_nothing_refers_to(
    api: Api, letter: StoredFile, owner: Person, factory: Factory
) -> None:
    stranger, staff = await factory.person(), await factory.staff("viewer")
    for person, status in ((None, 404), (stranger, 404), (owner, 200), (staff, 200)):
        assert (await api.get(f"/media/{letter.key}", as_=person)).status == status
    answer = await api.get(f"/media/{letter.key}", as_=owner)
    assert answer.headers["Cache-Control"] == "private, no-store"


async def test_a_public_upload_is_private_until_something_refers_to_it(
    api: Api, receive: Receive, owner: Person
) -> None:
    file = await receive(owner, picture(), "avatar", "me.jpg", public=True)
    assert (await api.get(f"/media/{file.key}")).status == 404
    assert (await api.get(f"/media/{file.key}", as_=owner)).status == 200


async def test_only_its_readers_open_a_file(
    api: Api, letter: StoredFile, owner: Person, factory: Factory, files: FileService, app: web.Application
) -> None:
    reader, stranger = await factory.person(), await factory.person()
    async with app[DATABASE].transaction() as tx:
        await files.attach(tx, letter.id, owner_id=owner.id, readers=[reader.id])
    for person, status in ((None, 404), (stranger, 404), (reader, 200), (owner, 200)):
        assert (await api.get(f"/media/{letter.key}", as_=person)).status == status


async def test_other_files_are_downloads_under_their_own_names(api: Api, letter: StoredFile, owner: Person) -> None:
    answer = await api.get(f"/media/{letter.key}", as_=owner)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    disposition = answer.headers["Content-Disposition"]
    assert disposition == "attachment; filename*=UTF-8''%D0%BF%D0%B8%D1%81%D1%8C%D0%BC%D0%BE.txt"
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert letter.key.endswith(".bin")


async def test_a_signed_link_opens_one_file_without_a_token(
    api: Api, letter: StoredFile, receive: Receive, owner: Person, files: FileService
) -> None:
    link = URL(files.signed_url(letter))
    assert (await api.get(str(link))).status == 200
    other = await receive(owner, b"other")
    forged = [
        link.update_query(signature="0" * 40),
        link.update_query(signature="тест"),
        link.update_query(expires=int(link.query["expires"]) + 1),
        link.update_query(expires="٣"),
        link.without_query_params("expires"),
        URL(f"/media/{other.key}").with_query(link.query),
    ]
    for url in forged:
        assert (await api.get(str(url))).status == 404


async def test_a_range_of_a_video_can_be_requested(api: Api, receive: Receive, owner: Person) -> None:
    content = video()
    file = await receive(owner, content, "video", "hi.mp4")
    part = await api.get(f"/media/{file.key}", as_=owner, headers={"Range": "bytes=10-19"})
    assert part.status == 206
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"
    assert part.headers["Content-Type"] == "video/mp4"
    assert part.headers["Content-Length"] == "10"
    assert await part.read() == content[10:20]

    whole = await api.get(f"/media/{file.key}", as_=owner, headers={"Range": "bytes=0-"})
    assert whole.status == 206
    assert await whole.read() == content

    behind = await api.get(f"/media/{file.key}", as_=owner, headers={"Range": f"bytes={len(content)}-"})
    assert behind.status == 416
    assert behind.headers["Content-Range"] == f"bytes */{len(content)}"
    assert (await behind.json())["code"] == "out_of_range"


async def test_ranges_over_http_are_slices(api: Api, letter: StoredFile, owner: Person) -> None:
    chance = dice(11)
    etag = (await api.get(f"/media/{letter.key}", as_=owner)).headers["ETag"]
    for _ in range(size(40, 1000)):
        first = chance.randrange(len(CONTENT))
        last = first + chance.randrange(len(CONTENT))
        headers = {"Range": f"bytes={first}-{last}", "If-Range": chance.choice([etag, '"old"'])}
        answer = await api.get(f"/media/{letter.key}", as_=owner, headers=headers)
        fresh = headers["If-Range"] == etag
        assert answer.status == (206 if fresh else 200)
        assert await answer.read() == (CONTENT[first : last + 1] if fresh else CONTENT)
        assert answer.headers["ETag"] == etag


async def test_a_file_is_not_sent_again_to_a_client_that_has_it(api: Api, poster: StoredFile) -> None:
    first = await api.get(f"/media/{poster.key}")
    for header, value in (
        ("If-None-Match", first.headers["ETag"]),
        ("If-Modified-Since", first.headers["Last-Modified"]),
    ):
        again = await api.get(f"/media/{poster.key}", headers={header: value})
        assert again.status == 304
        assert await again.read() == b""
        assert again.headers["ETag"] == first.headers["ETag"]


async def test_head_answers_the_headers_of_get(api: Api, poster: StoredFile) -> None:
    answer = await api.request("HEAD", f"/media/{poster.key}")
    assert answer.status == 200
    assert answer.headers["Content-Length"] == str(poster.size)
    assert await answer.read() == b""
    # The connection is good for another request.
    assert (await api.get(f"/media/{poster.key}")).status == 200


@as_subtests
@pytest.mark.parametrize(
    "path",
    [
        "/media/avatars/nobody.jpg",
        "/media/..%2f..%2fetc%2fpasswd",
        "/media/avatars/%2e%2e/%2e%2e/secret_key",
        "/media/avatars/a%00.jpg",
        "/media/%D1%84/%D1%8B",
        "/media/.arriving/x",
        "/media/a",
        "/media/" + "a/" * 2000,
    ],
)
async def test_an_unknown_address_is_not_found(api: Api, path: str) -> None:
    answer = await api.request("GET", str(URL(path, encoded=True)))
    assert answer.status == 404
    assert (await answer.json())["code"] in ("file_unknown", "not_found")


async def test_a_row_without_its_bytes_is_not_found_and_reported(
    api: Api, letter: StoredFile, owner: Person, files: FileService, media_folder: Path
) -> None:
    assert [key async for key in files.missing()] == []
    (media_folder / letter.key).unlink()
    assert (await api.get(f"/media/{letter.key}", as_=owner)).status == 404
    assert [key async for key in files.missing()] == [letter.key]


async def test_a_truncated_file_is_never_served_as_a_whole_one(
    api: Api, letter: StoredFile, owner: Person, media_folder: Path
) -> None:
    (media_folder / letter.key).write_bytes(CONTENT[:1000])
    with pytest.raises(aiohttp.ClientError):
        await (await api.get(f"/media/{letter.key}", as_=owner)).read()
    assert (await api.get("/healthz")).status == 200


async def test_a_signed_link_is_valid_for_an_hour(
    api: Api, letter: StoredFile, files: FileService, clock: FrozenClock, settings: Settings
) -> None:
    life = settings.tokens.signed_link
    link = files.signed_url(letter)
    clock.moment += timedelta(seconds=life - 2)
    assert (await api.get(link)).status == 200
    clock.moment += timedelta(seconds=life / 4 + 2)
    assert (await api.get(link)).status == 404
