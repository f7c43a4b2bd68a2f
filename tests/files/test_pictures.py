"""What is left of a picture when everybody may see it, and the small copies of avatars."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from PIL import ExifTags, Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from mystar.files.decoder import pictures
from mystar.files.decoder.job import Job, Refused
from mystar.files.keys import FILES
from mystar.files.model import StoredFile
from mystar.files.service import FileService
from mystar.kit.keys import DATABASE
from mystar.kit.web.media_urls import SIDES, copy_key
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.factory import Factory, Person, actor, picture
from tests.files.conftest import Receive, stored

SECRET = b"55.7558N 37.6173E"
ROTATED = 6


def halves(size: tuple[int, int] = (60, 40)) -> Image.Image:
    """The left half red, the right half blue: one sees how it was turned."""
    image = Image.new("RGB", size, (250, 10, 10))
    image.paste((10, 10, 250), (size[0] // 2, 0, *size))
    return image


def exif(orientation: int | None = None) -> Image.Exif:
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = SECRET.decode()
    tags[ExifTags.Base.GPSInfo] = {ExifTags.GPS.GPSMapDatum: SECRET.decode()}
    if orientation is not None:
        tags[ExifTags.Base.Orientation] = orientation
    return tags


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def telling() -> dict[str, bytes]:
    """Pictures that say more than they show, in every way we know."""
    text = PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET.decode()}</x>")
    animation = {"save_all": True, "append_images": [Image.new("RGB", (60, 40), "green")], "duration": [120, 240]}
    xmp = b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"
    segment = b"\xff\xe5" + (2 + len(SECRET)).to_bytes(2, "big") + SECRET  # APP5, which Pillow has no name for
    plain = saved(halves(), "JPEG")
    return {
        "jpeg exif": saved(halves(), "JPEG", exif=exif()),
        "jpeg xmp": saved(halves(), "JPEG", xmp=xmp),
        "jpeg comment": saved(halves(), "JPEG", comment=SECRET),
        "jpeg unknown segment": plain[:2] + segment + plain[2:],
        "jpeg second picture": saved(halves(), "MPO", save_all=True, append_images=[halves()], exif=exif()),
        "png texts": saved(halves(), "PNG", pnginfo=text),
        "png exif": saved(halves(), "PNG", exif=exif()),
        "webp exif": saved(halves(), "WEBP", exif=exif(), xmp=xmp),
        "animated webp": saved(halves(), "WEBP", exif=exif(), loop=3, **animation),
        "animated gif": saved(halves(), "GIF", comment=SECRET, loop=3, **animation),
        "avif": saved(halves(), "AVIF", exif=exif(), xmp=xmp),
    }


@pytest.fixture
async def owner(factory: Factory) -> Person:
    return await factory.person()


async def shown(api: Api, key: str, person: Person) -> bytes:
    answer = await api.get(f"/media/{key}", as_=person)
    assert answer.status == 200
    return await answer.read()


async def test_the_location_is_removed_from_a_picture(api: Api, receive: Receive, owner: Person) -> None:
    for name, content in telling().items():
        assert SECRET in content, name
        file = await receive(owner, content, "image", "me")
        kept = await shown(api, file.key, owner)

        assert SECRET not in kept, name
        before, after = opened(content), opened(kept)
        assert len(kept) == file.size
        assert not after.getexif(), name
        assert (after.size, after.info.get("duration")) == (before.size, before.info.get("duration")), name
        assert after.info.get("loop") == before.info.get("loop"), name
        if before.format != "MPO":
            assert getattr(after, "n_frames", 1) == getattr(before, "n_frames", 1), name
        red, blue = (after.convert("RGB").getpixel(at) for at in ((10, 20), (50, 20)))
        assert red[0] > 200 > 60 > red[2], name
        assert blue[2] > 200 > 60 > blue[0], name


async def test_a_rotated_picture_is_turned_upright(api: Api, receive: Receive, owner: Person) -> None:
    for format_ in ("JPEG", "PNG", "WEBP", "AVIF"):
        file = await receive(owner, saved(halves(), format_, exif=exif(ROTATED)), "avatar", "me")
        for key in (file.key, copy_key(file.key, 96)):
            upright = opened(await shown(api, key, owner)).convert("RGB")
            middle = upright.width // 2
            top, bottom = upright.getpixel((middle, 4)), upright.getpixel((middle, upright.height - 4))
            assert top[0] > 200 > 60 > top[2], format_
            assert bottom[2] > 200 > 60 > bottom[0], format_
        assert opened(await shown(api, file.key, owner)).size == (40, 60)


async def test_a_picture_without_metadata_is_stored_unchanged(api: Api, receive: Receive, owner: Person) -> None:
    for format_ in ("JPEG", "PNG", "WEBP", "GIF", "AVIF"):
        options = {} if format_ in ("GIF", "AVIF") else {"icc_profile": bytes(200), "dpi": (72, 72)}
        content = saved(halves(), format_, **options)
        file = await receive(owner, content, "avatar", "me")
        assert await shown(api, file.key, owner) == content, format_


async def test_colours_are_kept_when_metadata_is_removed(api: Api, receive: Receive, owner: Person) -> None:
    profile = bytes(range(200))
    for format_ in ("JPEG", "PNG", "WEBP"):
        file = await receive(owner, saved(halves(), format_, icc_profile=profile, exif=exif()), "image", "me")
        assert opened(await shown(api, file.key, owner)).info["icc_profile"] == profile


async def test_files_that_are_not_pictures_are_stored_unchanged(api: Api, receive: Receive, owner: Person) -> None:
    content = saved(halves(), "JPEG", exif=exif())
    file = await receive(owner, content, "other", "evidence.jpg")
    assert await shown(api, file.key, owner) == content


def prepared(tmp_path: Path, content: bytes, format_: str, **options: Any) -> dict[str, bytes]:
    """What the decoder makes of a picture, by the names of its results."""
    (tmp_path / "a").write_bytes(content)
    job = Job(str(tmp_path / "a"), format_, **{"max_pixels": 25_000_000, "max_frames": 200, **options})
    return {name: Path(job.output(name)).read_bytes() for name in pictures.work(job).outputs}


def test_a_rewritten_picture_is_scaled_to_the_size_of_screens(tmp_path: Path) -> None:
    for orientation, size in ((None, (4096, 41)), (ROTATED, (41, 4096))):
        content = saved(halves((5000, 50)), "JPEG", exif=exif(orientation))
        assert opened(prepared(tmp_path, content, "JPEG", clean=True)["clean"]).size == size


def test_an_animated_avif_too_large_to_rewrite_is_refused(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (60, 40), (shade, 0, 0)) for shade in range(10)]
    content = saved(halves(), "AVIF", save_all=True, append_images=frames, duration=40)
    with pytest.raises(Refused) as refused:
        prepared(tmp_path, content, "AVIF", clean=True, max_pixels=10 * 60 * 40)
    assert refused.value.refusal == "too_many_pixels"
    assert prepared(tmp_path, content, "AVIF", clean=True, max_pixels=20 * 60 * 40) == {}


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]


@pytest.mark.parametrize(
    ("image", "format_"),
    [
        *(pytest.param(Image.new(mode, (400, 300)), "PNG", id=f"png {mode}") for mode in MODES),
        pytest.param(Image.new("CMYK", (400, 300)), "JPEG", id="jpeg CMYK"),
        pytest.param(Image.new("L", (400, 300)), "JPEG", id="jpeg L"),
        pytest.param(Image.new("RGB", (2500, 2000)), "JPEG", id="large"),
        pytest.param(Image.new("I;16", (3900, 3850)), "PNG", id="large I;16"),
        pytest.param(Image.new("RGB", (1, 900)), "PNG", id="thin"),
    ],
)
def test_copies_are_squares_no_larger_than_the_picture(tmp_path: Path, image: Image.Image, format_: str) -> None:
    copies = prepared(tmp_path, saved(image, format_), format_, sides=SIDES)
    for side, content in copies.items():
        edge = min(int(side), *image.size)
        copy = opened(content)
        assert (copy.format, copy.size) == ("WEBP", (edge, edge))
    assert tuple(map(int, copies)) == SIDES


def test_transparency_is_kept_in_the_copies(tmp_path: Path) -> None:
    content = saved(ImageOps.expand(halves().convert("RGBA"), 200, (0, 0, 0, 0)), "PNG")
    copy = opened(prepared(tmp_path, content, "PNG", sides=(96,))["96"])
    assert copy.convert("RGBA").getpixel((0, 0))[3] == 0


class TestCopies:
    """An avatar's copies live with it."""

    @pytest.fixture
    async def avatar(self, app: web.Application, receive: Receive, owner: Person) -> StoredFile:
        file = await receive(owner, picture("PNG", (500, 400)), "avatar", "портрет.png", public=True)
        return await app[FILES].set_avatar(actor(owner), file.id)

    async def test_copies_are_public(self, api: Api, avatar: StoredFile) -> None:
        tags = set()
        for side in SIDES:
            answer = await api.get(f"/media/{copy_key(avatar.key, side)}")
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "image/webp"
            assert answer.headers["Cache-Control"].startswith("public, max-age=")
            assert f"-{side}.webp" in answer.headers["Content-Disposition"]
            assert opened(await answer.read()).size == (min(side, 400),) * 2
            tags.add(answer.headers["ETag"])
        assert len(tags) >= 2
        assert (await api.get(f"/media/{copy_key(avatar.key, 97)}")).status == 404

    async def test_copies_are_hidden_until_their_picture_is_used(
        self, api: Api, receive: Receive, owner: Person
    ) -> None:
        file = await receive(owner, picture(), "avatar", "me.jpg", public=True)
        assert (await api.get(f"/media/{copy_key(file.key, 96)}")).status == 404
        assert (await api.get(f"/media/{copy_key(file.key, 96)}", as_=owner)).status == 200

    async def test_copies_are_deleted_with_their_picture(
        self, api: Api, app: web.Application, avatar: StoredFile, files: FileService, media_folder: Path
    ) -> None:
        async with app[DATABASE].transaction() as tx:
            await files.mark_deleted(tx, avatar.id)
        assert (await api.get(f"/media/{copy_key(avatar.key, 96)}")).status == 404
        assert await files.sweep() == 1 + len(SIDES)
        assert stored(media_folder) == []

    async def test_copies_of_older_pictures_are_made_later(
        self, api: Api, app: web.Application, receive: Receive, owner: Person, avatar: StoredFile, media_folder: Path
    ) -> None:
        broken = await receive(owner, picture(), "avatar", "me.jpg")
        await app[DATABASE].execute("delete from file_copies")
        for key in stored(media_folder):
            if key.endswith(".webp") or key == broken.key:
                (media_folder / key).unlink()
        assert await app[FILES].copy_older() == 1
        assert await app[FILES].copy_older() == 0
        answer = await api.get(f"/media/{copy_key(avatar.key, 320)}")
        assert opened(await answer.read()).size == (320, 320)

    async def test_sweepers_keep_copies(
        self, files: FileService, avatar: StoredFile, clock: FrozenClock, media_folder: Path
    ) -> None:
        clock.moment = clock.moment.replace(year=clock.moment.year + 1)
        assert await files.sweep() == await files.sweep_objects_without_row() == 0
        assert len(stored(media_folder)) == 1 + len(SIDES)

    async def test_a_lost_copy_is_reported(self, files: FileService, avatar: StoredFile, media_folder: Path) -> None:
        lost = copy_key(avatar.key, 320)
        (media_folder / lost).unlink()
        assert [key async for key in files.missing()] == [lost]
