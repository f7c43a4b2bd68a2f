"""The bytes of a file decide what it is; its name is given the extension that fits (D38)."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageSequence
from pillow_heif import from_pillow

from mystar.files.detection import detect_type, fitting_name
from mystar.files.model import IMAGES, VIDEOS
from tests.conftest import Api
from tests.factory import Person, picture, video
from tests.files.test_pictures import SECRET, exif, halves, opened, saved
from tests.files.uploading import form
from tests.subtests import as_subtests

AVATAR, HELLO, UPLOAD = "/api/upload/avatar/", "/api/upload/video/hi/", "/api/v1/files/upload/"
UNEVEN = [100, 900, 200, 1500, 300]


def branded(major: bytes, *compatible: bytes) -> bytes:
    """An MP4 whose first box names these brands; the box keeps its length, since tables point behind it."""
    film = video()
    size = int.from_bytes(film[:4], "big")
    brands = b"".join(compatible)[: size - 16]
    return film[:4] + b"ftyp" + major + bytes(4) + brands.ljust(size - 16, b"\0") + film[size:]


def without_brands(first_box: bytes) -> bytes:
    return video("mov")[:4] + first_box + video("mov")[8:]


FILMS = {
    "dash.mp4": (branded(b"dash", b"iso6", b"avc1"), "mp4"),
    "avc1.mp4": (branded(b"avc1", b"iso2"), "mp4"),
    "iso6.mp4": (branded(b"iso6"), "mp4"),
    "apple.m4v": (branded(b"M4V ", b"mp42"), "mp4"),
    "telephone.3gp": (branded(b"3gp4"), "mp4"),
    "IMG_0001.MOV": (branded(b"isom"), "mp4"),
    "camera.mp4": (video("mov"), "mov"),
    "old.mov": (without_brands(b"wide"), "mov"),
    "older.mov": (without_brands(b"skip"), "mov"),
    "browser.mp4": (video("webm"), "webm"),
    "film": (video(), "mp4"),
    "film.mp4 ": (video(), "mp4"),
    "film.of.summer": (video(), "mp4"),
}


@as_subtests
@pytest.mark.parametrize("name", FILMS)
async def test_a_video_is_recognised_by_its_bytes(api: Api, star: Person, name: str) -> None:
    content, extension = FILMS[name]
    answer = await api.post(HELLO, data=form(video_hi=(name, content)), as_=star)
    assert answer.status == 201, await answer.text()
    assert (await answer.json())["video_hi"].endswith(f".{extension}")


@as_subtests
@pytest.mark.parametrize(
    ("name", "format_", "extension"),
    [
        ("IMG_0001.HEIC", "JPEG", "jpeg"),
        ("me.png", "JPEG", "jpeg"),
        ("me.jpg", "AVIF", "avif"),
        ("me.webp", "GIF", "gif"),
        ("me.jpg_large", "WEBP", "webp"),
        ("me.apng", "PNG", "png"),
        ("me.jpg ", "JPEG", "jpeg"),
    ],
)
async def test_a_picture_is_recognised_by_its_bytes(
    api: Api, star: Person, name: str, format_: str, extension: str
) -> None:
    answer = await api.post(AVATAR, data=form(image=(name, picture(format_))), as_=star)
    assert answer.status == 201, await answer.text()
    assert (await answer.json())["image"].endswith(f".{extension}")


def test_a_file_name_gets_the_right_extension() -> None:
    for name, fitting in (
        ("IMG_1.HEIC", "IMG_1.jpeg"),
        ("a.jpg", "a.jpg"),
        ("a.JPE", "a.JPE"),
        ("a", "a"),
        ("a.jpg_large", "a.jpg_large.jpeg"),
    ):
        assert fitting_name(name, IMAGES["image/jpeg"]) == fitting
    assert fitting_name("film.MOV", VIDEOS["video/mp4"]) == "film.mp4"


async def test_a_video_in_a_chat_keeps_its_name_with_the_right_extension(api: Api, star: Person) -> None:
    answer = await api.post(UPLOAD, data=form(file=("IMG_0001.MOV", video())), as_=star)
    file = await answer.json()
    assert (file["name"], file["content_type"]) == ("IMG_0001.mp4", "video/mp4")


@as_subtests
@pytest.mark.parametrize("head", [b"\0\0\0\x1cftypM4A ", b"\0\0\0\x18ftypcrx ", b"The widest river in the world"])
async def test_files_that_are_not_videos_are_refused(api: Api, star: Person, head: bytes) -> None:
    content = head + bytes(500)
    answer = await api.post(UPLOAD, data=form(file=("a", content)), as_=star)
    assert (await answer.json())["content_type"] == "application/octet-stream"
    assert detect_type(content).content_type == "application/octet-stream"


@as_subtests
@pytest.mark.parametrize("extension", ["html", "php", "exe", "svg", "js"])
async def test_a_picture_that_is_named_as_a_program_is_refused(api: Api, star: Person, extension: str) -> None:
    answer = await api.post(AVATAR, data=form(image=(f"me.{extension}", picture())), as_=star, language="en")
    assert (answer.status, await answer.json()) == (
        400,
        {"image": ["The extension of the file's name does not fit it."]},
    )


def heic() -> bytes:
    file = io.BytesIO()
    from_pillow(halves((600, 400))).save(file, exif=exif().tobytes(), quality=90)
    return file.getvalue()


async def test_a_heic_picture_becomes_a_jpeg_without_metadata(api: Api, star: Person) -> None:
    content = heic()
    assert SECRET in content
    answer = await api.post(AVATAR, data=form(image=("IMG_0001.HEIC", content)), as_=star)
    assert answer.status == 201, await answer.text()
    kept = await (await api.get((await answer.json())["image"])).read()
    shown = opened(kept)
    assert (shown.format, shown.size) == ("JPEG", (600, 400))
    assert SECRET not in kept
    red = shown.convert("RGB").getpixel((10, 20))
    assert red[0] > 200 > 60 > red[2]


def animation(format_: str, **options: object) -> bytes:
    frames = [Image.new("RGB", (60, 40), (40 * number, 0, 0)) for number in range(len(UNEVEN) - 1)]
    return saved(halves(), format_, save_all=True, append_images=frames, duration=UNEVEN, **options)


@as_subtests
@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("WEBP", {"exif": exif(), "xmp": SECRET}),
        ("WEBP", {}),
        ("GIF", {"comment": SECRET}),
        ("PNG", {"exif": exif()}),
        ("AVIF", {"exif": exif()}),
        ("AVIF", {}),
    ],
    ids=str,
)
async def test_an_animation_keeps_its_frame_durations(
    api: Api, star: Person, format_: str, options: dict[str, object]
) -> None:
    content = animation(format_, **options)
    assert (SECRET in content) == bool(options)
    answer = await api.post(AVATAR, data=form(image=(f"me.{format_.lower()}", content)), as_=star)
    assert answer.status == 201, await answer.text()
    kept = await (await api.get((await answer.json())["image"])).read()
    assert SECRET not in kept
    assert times(kept) == UNEVEN


def times(content: bytes) -> list[int]:
    found = []
    for frame in ImageSequence.Iterator(opened(content)):
        frame.load()
        found.append(int(frame.info["duration"]))
    return found


async def test_a_long_animation_is_judged_by_its_frames_not_its_metadata(api: Api, star: Person) -> None:
    for count, status in ((200, 201), (201, 400)):
        frames = [Image.new("L", (500, 500), number) for number in range(1, count)]
        for options in ({}, {"comment": SECRET}):
            content = saved(Image.new("L", (500, 500)), "GIF", save_all=True, append_images=frames, **options)
            answer = await api.post(AVATAR, data=form(image=("me.gif", content)), as_=star)
            assert answer.status == status, await answer.text()
