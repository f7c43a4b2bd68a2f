"""Hostile pictures and videos (promise S12)."""

from __future__ import annotations

import io
import struct
import zlib
from functools import partial
from pathlib import Path

import av
import pytest
from aiohttp import web

from mystar.kit.web.media_urls import SIDES, copy_key
from tests.conftest import Api
from tests.contracts.greetings.uploads.upload_requests import AVATAR, HELLO, file_count
from tests.factory import Person, picture, video
from tests.files.conftest import stored
from tests.files.uploading import form
from tests.subtests import as_subtests

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def png_of(width: int, height: int) -> bytes:
    """A small file that unpacks to width × height pixels of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, packed = zlib.compressobj(9), b""
    for _ in range(height):
        packed += packer.compress(b"\0" + bytes(width // 8))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packed += packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def garbled_png() -> bytes:
    content = bytearray(picture("PNG"))
    content[len(content) // 2] ^= 0xFF
    return bytes(content)


PICTURES_ONLY = "Нужна картинка: JPEG, PNG, WEBP, GIF или AVIF."


FILMS_ONLY = "Нужно видео: MP4, MOV или WEBM."


EXTENSION = "Расширение имени файла не соответствует его содержимому."


BROKEN = "Файл повреждён или загружен не полностью."


PIXELS = "В картинке слишком много точек."


HOSTILE_PICTURES = [
    pytest.param("me.jpg", b"This is only a text, whatever its name says.\n" * 20, PICTURES_ONLY, id="text"),
    pytest.param("me.svg", SVG, PICTURES_ONLY, id="svg"),
    pytest.param("me.png", SVG, PICTURES_ONLY, id="svg called png"),
    pytest.param("me.html", b"<html><script>alert(1)</script></html>", PICTURES_ONLY, id="html"),
    pytest.param("me.jpg", video(), PICTURES_ONLY, id="film called jpg"),
    pytest.param("me.jpg", b"PK\x03\x04" + bytes(200), PICTURES_ONLY, id="zip called jpg"),
    pytest.param("me.jpg", b"MZ" + bytes(500), PICTURES_ONLY, id="program called jpg"),
    pytest.param("me.jpg.exe", picture("JPEG"), EXTENSION, id="jpeg called exe"),
    pytest.param("me.svg", picture("PNG"), EXTENSION, id="png called svg"),
    pytest.param("me.jpg", picture("JPEG")[:-100], BROKEN, id="cut jpeg"),
    pytest.param("me.png", picture("PNG")[:-300], BROKEN, id="cut png"),
    pytest.param("me.png", garbled_png(), BROKEN, id="garbled png"),
    pytest.param("me.webp", picture("WEBP")[:-20], BROKEN, id="cut webp"),
    pytest.param("me.gif", picture("GIF")[:-300], BROKEN, id="cut gif"),
    pytest.param("me.avif", picture("AVIF")[:-40], BROKEN, id="cut avif"),
    pytest.param("me.jpg", picture("JPEG")[:20], BROKEN, id="head of a jpeg"),
    pytest.param("me.jpg", b"\xff\xd8\xff\xe0" + SVG * 10, BROKEN, id="script in a jpeg's head"),
    pytest.param("me.gif", b"GIF89a/*" + b"=1;alert(1)//" * 50, BROKEN, id="script in a gif's head"),
    pytest.param("me.png", partial(png_of, 10_000, 6_000), PIXELS, id="60 megapixels"),
    pytest.param("me.png", partial(png_of, 40_000, 40_000), PIXELS, id="1600 megapixels"),
    pytest.param("me.jpg", b"", "Файл пуст.", id="empty"),
]


@as_subtests
@pytest.mark.parametrize(("name", "content", "words"), HOSTILE_PICTURES)
async def test_an_invalid_picture_is_refused_and_not_stored(
    api: Api, app: web.Application, media: Path, person: Person, name: str, content: bytes | partial[bytes], words: str
) -> None:
    sent = content if isinstance(content, bytes) else content()
    answer = await api.post(AVATAR, data=form(user_id=person.id, image=(name, sent)), as_=person)
    assert answer.status == 400
    assert await answer.json() == {"image": [words]}
    assert stored(media) == []
    assert await file_count(app) == 0


@as_subtests
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param("hi.mp4", b"not a film at all" * 50, FILMS_ONLY, id="text"),
        pytest.param("hi.mp4", picture(), FILMS_ONLY, id="picture"),
        pytest.param("hi.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", FILMS_ONLY, id="list"),
        pytest.param("hi.exe", video("webm"), EXTENSION, id="webm called exe"),
        pytest.param("hi.mp4", video()[:300], BROKEN, id="cut mp4"),
        pytest.param("hi.webm", video("webm")[:100], BROKEN, id="cut webm"),
        pytest.param("hi.mp4", video()[:28] + bytes(3000), BROKEN, id="head of an mp4"),
    ],
)
async def test_an_invalid_video_is_refused_and_not_stored(
    api: Api, app: web.Application, media: Path, star: Person, name: str, content: bytes, words: str
) -> None:
    answer = await api.post(HELLO, data=form(star_id=star.id, video_hi=(name, content)), as_=star)
    assert answer.status == 400
    assert await answer.json() == {"video_hi": [words]}
    assert stored(media) == []
    assert await file_count(app) == 0


async def test_a_video_without_pictures_is_refused(api: Api, media: Path, star: Person) -> None:
    answer = await api.post(HELLO, data=form(video_hi=("hi.mp4", sound())), as_=star)
    assert answer.status == 400
    assert await answer.json() == {"video_hi": ["В этом файле нет видео."]}
    assert stored(media) == []


def sound() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate = 8000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


async def test_a_picture_that_is_also_html_is_served_as_a_picture(api: Api, person: Person) -> None:
    both = picture("JPEG") + b"<html><script>alert(1)</script></html>"
    answer = await api.post(AVATAR, data=form(image=("me.jpg", both)), as_=person)
    served = await api.get((await answer.json())["image"])
    assert served.headers["Content-Type"] == "image/jpeg"
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert served.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/cron.d/me.jpg",
        "..\\..\\me.jpg",
        "C:\\me.jpg",
        "/etc/me.jpg",
        "a" * 3000 + ".jpg",
        "\u202egpj.jpg",
        "%00.jpg",
    ],
)
async def test_the_file_name_is_ignored(api: Api, media: Path, person: Person, name: str) -> None:
    answer = await api.post(AVATAR, data=form(image=(name, picture())), as_=person)
    assert answer.status == 201
    body = await answer.json()
    key = body["image"].removeprefix("/media/")
    assert body["avatar_sizes"] == {str(side): f"/media/{copy_key(key, side)}" for side in SIDES}
    assert stored(media) == sorted([key, *(copy_key(key, side) for side in SIDES)])
