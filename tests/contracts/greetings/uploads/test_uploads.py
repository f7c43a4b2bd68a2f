"""Uploads of avatars and videos, and hostile files (promise S12)."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import av
import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.kit.web.media_urls import SIDES, copy_key
from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import Factory, Person, picture, video
from tests.files.conftest import stored
from tests.files.uploading import form
from tests.subtests import as_subtests
from tests.waiting import eventually

AVATAR, HELLO, CONGRATULATION = "/api/upload/avatar/", "/api/upload/video/hi/", "/api/upload/congritulatoin/"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
async def person(factory: Factory) -> Person:
    return await factory.person()


@pytest.fixture
async def star(factory: Factory) -> Person:
    return await factory.star()


@pytest.fixture
def media(settings: Settings) -> Path:
    return settings.data_dir / "media"


async def rows(app: web.Application) -> int:
    return int(await app[DATABASE].value("select count(*) from files"))


@pytest.mark.parametrize(
    ("format_", "name", "extension"),
    [
        ("JPEG", "me.JPG", "jpeg"),
        ("PNG", "me.png", "png"),
        ("WEBP", "me.webp", "webp"),
        ("GIF", "me.gif", "gif"),
        ("AVIF", "me.avif", "avif"),
        ("JPEG", "blob", "jpeg"),
    ],
)
async def test_a_person_gets_a_picture(api: Api, person: Person, format_: str, name: str, extension: str) -> None:
    answer = await api.post(AVATAR, data=form(user_id=person.id, image=(name, picture(format_))), as_=person)

    assert answer.status == 201
    body = await answer.json()
    assert body["user_id"] == person.id
    assert body["image"].startswith("/media/avatars/")
    assert body["image"].endswith(f".{extension}")
    served = await api.get(body["image"])
    assert served.status == 200
    assert await served.read() == picture(format_)
    assert served.headers["Content-Type"] == f"image/{extension}"


async def test_a_new_picture_takes_the_place_of_the_old_one(api: Api, app: web.Application, person: Person) -> None:
    first, second = [
        (await (await api.post(AVATAR, data=form(image=("me.png", picture("PNG", size))), as_=person)).json())["image"]
        for size in ((40, 40), (50, 50))
    ]
    assert (await api.get(first)).status == 404
    assert (await api.get(second)).status == 200
    assert await rows(app) == 1
    page = await (await api.get("/api/personal/", as_=person)).json()
    assert f"/media/{page['avatar']}" == second


@pytest.mark.parametrize(("format_", "extension"), [("mp4", "mp4"), ("mov", "mov"), ("webm", "webm")])
async def test_a_star_gets_a_hello_video(api: Api, star: Person, format_: str, extension: str) -> None:
    content = video(format_)
    body = form(star_id=star.id, video_hi=(f"hi.{extension}", content))
    answer = await api.post(HELLO, data=body, as_=star)

    assert answer.status == 201
    said = await answer.json()
    assert said["star_id"] == star.id
    assert said["video_hi"].startswith(f"/media/videos/{star.id}/")
    assert said["video_hi"].endswith(f".{extension}")
    assert await (await api.get(said["video_hi"])).read() == content
    (listed,) = await (await api.get("/api/star/getlist/")).json()
    assert listed["video"] == said["video_hi"]
    # The client puts /media/ before a path that has it.
    assert await (await api.get(f"/media/{said['video_hi']}")).read() == content
    assert (await api.get(f"/media//media//media/{said['video_hi']}")).status == 404


async def test_a_new_hello_video_takes_the_place_of_the_old_one(api: Api, app: web.Application, star: Person) -> None:
    for format_ in ("mp4", "webm"):
        body = form(star_id=star.id, video_hi=(f"hi.{format_}", video(format_)))
        assert (await api.post(HELLO, data=body, as_=star)).status == 201
    assert await rows(app) == 1


async def test_only_a_star_has_a_hello_video(api: Api, app: web.Application, person: Person) -> None:
    answer = await api.post(HELLO, data=form(star_id=person.id, video_hi=("hi.mp4", video())), as_=person)
    assert answer.status == 404
    assert await answer.json() == ["Звезда не найдена."]
    assert await rows(app) == 0


class TestCongratulation:
    """The film that an order is about."""

    @pytest.fixture
    async def customer(self, factory: Factory) -> Person:
        return await factory.person()

    @pytest.fixture
    async def order(self, factory: Factory, customer: Person, star: Person) -> int:
        return await factory.order(customer, star)

    async def test_a_delivery_with_a_key_may_be_repeated(
        self, api: Api, app: web.Application, star: Person, order: int
    ) -> None:
        async def deliver(content: bytes = video()) -> tuple[int, Any]:
            body, headers = form(order_id=order, video_con=("mum.mp4", content)), {"Idempotency-Key": "k"}
            answer = await api.post(CONGRATULATION, data=body, as_=star, headers=headers)
            return answer.status, await answer.json()

        first = await deliver()
        assert first[0] == 201
        assert await deliver() == first
        assert (await deliver(video(frames=6)))[0] == 422
        assert await rows(app) == 1

    @pytest.mark.parametrize(
        ("name", "content"), [("mum.mp4", video()), ("mum.webm", video("webm")), ("mum.png", picture("PNG"))]
    )
    async def test_a_star_delivers_a_film_or_a_picture(
        self, api: Api, star: Person, order: int, name: str, content: bytes
    ) -> None:
        body = form(star_id=star.id, order_id=order, video_con=(name, content))
        answer = await api.post(CONGRATULATION, data=body, as_=star)

        assert answer.status == 201
        said = await answer.json()
        assert (said["star_id"], said["order_id"]) == (star.id, order)
        assert said["video_con"].startswith(f"/media/congratulation/{star.id}/")
        assert said["video_con"].endswith(name.rpartition(".")[2])
        assert await (await api.get(said["video_con"], as_=star)).read() == content
        # Not even its customer before the money is there, let alone others.
        assert (await api.get(said["video_con"])).status == 404

    async def test_a_second_film_for_one_order_is_not_taken(
        self, api: Api, app: web.Application, star: Person, order: int
    ) -> None:
        for status in (201, 200):
            body = form(star_id=star.id, order_id=order, video_con=("mum.mp4", video()))
            answer = await api.post(CONGRATULATION, data=body, as_=star)
            assert answer.status == status
        assert await answer.json() == ["Вы уже загрузили видео"]
        assert await rows(app) == 1

    async def test_a_rejected_order_takes_no_film(
        self, api: Api, app: web.Application, star: Person, order: int
    ) -> None:
        await api.post("/api/orderaccept/", {"order_id": order, "accept": "reject"}, as_=star)
        body = form(star_id=star.id, order_id=order, video_con=("mum.mp4", video()))
        answer = await api.post(CONGRATULATION, data=body, as_=star)
        assert answer.status == 409
        assert await rows(app) == 0

    async def test_only_the_star_of_an_order_delivers_it(
        self, api: Api, app: web.Application, factory: Factory, star: Person, customer: Person, order: int
    ) -> None:
        other_star = await factory.star()
        for person, star_id, status in (
            (customer, customer.id, 403),
            (customer, star.id, 403),
            (other_star, other_star.id, 404),
            (other_star, star.id, 403),
        ):
            body = form(star_id=star_id, order_id=order, video_con=("mum.mp4", video()))
            assert (await api.post(CONGRATULATION, data=body, as_=person)).status == status
        assert await rows(app) == 0

    @as_subtests
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, {"order_id": ["Обязательное поле."]}),
            ({"order_id": "undefined"}, {"order_id": ["Введите целое число."]}),
            ({"order_id": "1", "video_con": ("mum.mp4", b"no film")}, {"video_con": ["Нужно видео или картинка."]}),
        ],
    )
    async def test_bad_data_is_refused_by_field(
        self, api: Api, app: web.Application, star: Person, fields: dict[str, Any], words: dict[str, list[str]]
    ) -> None:
        body = form(**{"star_id": star.id, "video_con": ("mum.mp4", video()), **fields})
        answer = await api.post(CONGRATULATION, data=body, as_=star)
        assert answer.status == 400
        assert await answer.json() == words
        assert await rows(app) == 0


@as_subtests
@pytest.mark.parametrize("door", [AVATAR, HELLO, CONGRATULATION])
async def test_a_guest_uploads_nothing(api: Api, media: Path, door: str) -> None:
    answer = await api.post(door, data=form(image=("me.jpg", picture())))
    assert answer.status == 401
    assert isinstance(await answer.json(), list)
    assert stored(media) == []


@pytest.mark.parametrize("fields_first", [True, False])
async def test_uploads_for_other_accounts_are_refused(
    api: Api, app: web.Application, factory: Factory, person: Person, fields_first: bool
) -> None:
    other = await factory.person()
    fields: dict[str, Any] = {"user_id": other.id, "image": ("me.jpg", picture())}
    if not fields_first:
        fields = dict(reversed(fields.items()))
    answer = await api.post(AVATAR, data=form(**fields), as_=person)
    assert answer.status == 403
    assert await rows(app) == 0


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
    assert await rows(app) == 0


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
    assert await rows(app) == 0


async def test_a_film_without_a_picture_is_refused(api: Api, media: Path, star: Person) -> None:
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


async def test_a_picture_that_is_also_a_page_is_served_as_a_picture_that_runs_nothing(api: Api, person: Person) -> None:
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


async def test_upload_errors_follow_accept_language(api: Api, person: Person) -> None:
    answer = await api.post(AVATAR, data=form(image=("me.jpg", b"text")), as_=person, language="en")
    assert await answer.json() == {"image": ["Send a picture: JPEG, PNG, WEBP, GIF or AVIF."]}


async def test_sixteen_megabytes_are_too_much_for_an_avatar(
    api: Api, app: web.Application, media: Path, person: Person
) -> None:
    big = picture() + bytes(16 * 2**20)
    for _ in range(2):
        answer = await api.post(AVATAR, data=form(user_id=person.id, image=("me.jpg", big)), as_=person)
        assert answer.status == 413
        assert await answer.json() == ["Файл слишком большой: можно не больше 15 МБ."]
    assert stored(media) == []
    assert await rows(app) == 0
    small = await api.post(AVATAR, data=form(user_id=person.id, image=("me.jpg", picture())), as_=person)
    assert small.status == 201


async def test_a_file_that_does_not_announce_its_size_is_stopped_when_it_is_too_much(
    api: Api, media: Path, person: Person
) -> None:
    head, tail = multipart_around("image", "me.jpg")

    async def body():
        yield head + picture()
        for _ in range(17):
            yield bytes(2**20)
        yield tail

    answer = await api.post(AVATAR, data=body(), headers=MULTIPART, as_=person)
    assert answer.status == 413
    assert stored(media) == []


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b0undary"}


def multipart_around(part: str, name: str) -> tuple[bytes, bytes]:
    head = f'--b0undary\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\n\r\n'
    return head.encode(), b"\r\n--b0undary--\r\n"


class TestQuota:
    @pytest.fixture
    def settings(self, make_settings: Any) -> Settings:
        settings: Settings = make_settings(FILES__QUOTA=3000, FILES__AVATAR_LIMIT=100_000)
        return settings

    async def test_uploads_are_limited_per_account(self, api: Api, media: Path, star: Person) -> None:
        content = video() + bytes(800)
        assert 1500 < len(content) < 3000
        assert (await api.post(HELLO, data=form(video_hi=("hi.mp4", content)), as_=star)).status == 201
        answer = await api.post(HELLO, data=form(video_hi=("hi.mp4", content)), as_=star)
        assert answer.status == 413
        assert await answer.json() == ["Место для ваших файлов закончилось."]
        assert len(stored(media)) == 1

    async def test_two_uploads_at_once_do_not_share_the_last_place(
        self, api: Api, app: web.Application, media: Path, star: Person
    ) -> None:
        content = video() + bytes(800)
        answers = await asyncio.gather(
            *(api.post(HELLO, data=form(video_hi=("hi.mp4", content)), as_=star) for _ in range(4))
        )
        assert sorted(answer.status for answer in answers) == [201, 413, 413, 413]
        assert await rows(app) == 1
        assert len(stored(media)) == 1


@as_subtests
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"user_id": "1"}, {"image": ["Файл не был отправлен."]}),
        ({"picture": ("me.jpg", picture())}, {"image": ["Файл не был отправлен."]}),
        ({"image": ("", b"")}, {"image": ["Файл пуст."]}),
        ({"image": "only words"}, {"image": [PICTURES_ONLY]}),
        ({"user_id": "me", "image": ("me.jpg", picture())}, {"user_id": ["Введите целое число."]}),
        ({"user_id": "1" * 17_000, "image": ("me.jpg", picture())}, {"user_id": ["Слишком длинное значение."]}),
    ],
)
async def test_a_form_without_the_right_file_is_refused_by_field(
    api: Api, app: web.Application, person: Person, fields: dict[str, Any], words: dict[str, list[str]]
) -> None:
    answer = await api.post(AVATAR, data=form(**fields), as_=person)
    assert answer.status == 400
    assert await answer.json() == words
    assert await rows(app) == 0


async def test_a_second_file_in_the_form_is_one_too_many(api: Api, app: web.Application, person: Person) -> None:
    body = form(image=("me.jpg", picture()))
    body.add_field("image", picture(), filename="me-too.jpg")
    answer = await api.post(AVATAR, data=body, as_=person)
    assert answer.status == 400
    assert await answer.json() == {"image": ["Можно отправить только один файл."]}
    assert await rows(app) == 0


async def test_a_body_that_is_not_a_form_is_refused(api: Api, person: Person) -> None:
    assert (await api.post(AVATAR, {"image": "aGk="}, as_=person)).status == 415
    assert (await api.post(AVATAR, data=picture(), as_=person)).status == 415


HEAD, TAIL = multipart_around("image", "me.jpg")
PART = b"--b0undary\r\n"
FIELD = PART + b'Content-Disposition: form-data; name="user_id"\r\n\r\n%b\r\n'
BROKEN_FORMS = [
    pytest.param(b"", id="empty"),
    pytest.param(b"nonsense", id="nonsense"),
    pytest.param(HEAD + picture(), id="no end"),
    pytest.param(HEAD.replace(b"\r\n\r\n", b"\r\n"), id="no body"),
    pytest.param(PART + b"X: " + b"x" * 20_000 + b"\r\n\r\n" + TAIL, id="endless header"),
    pytest.param(PART + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x--" + TAIL, id="nested"),
    pytest.param(FIELD % b"1" * 99 + TAIL, id="many fields"),
    pytest.param(FIELD % b"\xff\xfe" + TAIL, id="no utf-8"),
]


@as_subtests
@pytest.mark.parametrize("body", BROKEN_FORMS)
async def test_a_broken_form_is_unreadable_and_leaves_nothing(
    api: Api, app: web.Application, media: Path, person: Person, body: bytes
) -> None:
    answer = await api.post(AVATAR, data=body, headers=MULTIPART, as_=person)
    assert answer.status == 400
    assert stored(media) == []
    assert await rows(app) == 0


@pytest.mark.parametrize("header", ["multipart/form-data", "multipart/form-data; boundary=" + "b" * 100])
async def test_a_form_without_a_boundary_is_unreadable(api: Api, person: Person, header: str) -> None:
    answer = await api.post(AVATAR, data=HEAD + picture() + TAIL, headers={"Content-Type": header}, as_=person)
    assert answer.status == 400


async def test_a_cut_connection_leaves_nothing(
    api: Api, app: web.Application, settings: Settings, media: Path, star: Person
) -> None:
    head, _ = multipart_around("video_hi", "hi.mp4")
    request = (
        f"POST {HELLO} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {star.token}\r\n"
        f"Content-Type: {MULTIPART['Content-Type']}\r\nContent-Length: 9000000\r\n\r\n"
    ).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", settings.http.port)
    writer.write(request + head + video() + bytes(600_000))
    await writer.drain()

    async def arriving() -> bool:
        return stored(media) != []

    async def gone() -> bool:
        return stored(media) == []

    await eventually(arriving)
    writer.transport.abort()
    await eventually(gone)
    assert await rows(app) == 0
