"""Uploads that cost their reader much more than their sender."""

from __future__ import annotations

import functools
import zlib

from tests.attacks.attacker import Attacker
from tests.attacks.registry import attack
from tests.factory import picture
from tests.files import bombs

_FORM = "multipart/form-data; boundary=xyzzy"
_END = b"\r\n--xyzzy--\r\n"


def _form(field: str, name: str, content: bytes) -> bytes:
    head = f'--xyzzy\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return head.encode() + content + _END


@functools.cache
def _film() -> bytes:
    return _form("video_hi", "film.mp4", bombs.film(60_000_000))


@functools.cache
def _film_within_memory() -> bytes:
    """As much as a child's memory holds: the whole index is built."""
    return _form("video_hi", "film.mp4", bombs.film(6_000_000))


@functools.cache
def _frames() -> bytes:
    return _form("image", "a.gif", bombs.gif(100_000))


@functools.cache
def _scans(count: int) -> bytes:
    return _form("image", "a.jpg", bombs.scans(count, 4000))


@functools.cache
def _plane(format_: str, side: int) -> bytes:
    return _form("image", "a", bombs.plane(format_, side))


@functools.cache
def _packed() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(10 * 2**20)
    packed = packer.compress(_form("file", "a.bin", b"")[: -len(_END)])
    return packed + b"".join(packer.compress(zeros) for _ in range(40)) + packer.compress(_END) + packer.flush()


@functools.cache
def _garbage() -> bytes:
    return _form("file", "a.bin", bytes(4 * 2**20))


async def _avatar(attacker: Attacker, body: bytes) -> None:
    await attacker.request("POST", "/api/upload/avatar/", body, Content_Type=_FORM, **attacker.bearer)


@attack("A2", "a film of 60 million samples")
async def film(attacker: Attacker) -> None:
    await attacker.request("POST", "/api/upload/video/hi/", _film(), Content_Type=_FORM, **attacker.bearer)


@attack("A2", "a film of 6 million samples")
async def film_within_memory(attacker: Attacker) -> None:
    body = _film_within_memory()
    await attacker.request("POST", "/api/upload/video/hi/", body, Content_Type=_FORM, **attacker.bearer)


@attack("A2", "a GIF of 100,000 frames")
async def frames(attacker: Attacker) -> None:
    await _avatar(attacker, _frames())


@attack("A2", "a JPEG of 1,200 scans")
async def scans(attacker: Attacker) -> None:
    await _avatar(attacker, _scans(1200))


@attack("A2", "a JPEG of 99 scans, which is taken")
async def allowed_scans(attacker: Attacker) -> None:
    await _avatar(attacker, _scans(99))


@attack("A2", "a PNG of 49 megapixels")
async def pixels(attacker: Attacker) -> None:
    await _avatar(attacker, _plane("PNG", 7000))


@attack("A2", "an AVIF of 25 megapixels, which is taken")
async def allowed_pixels(attacker: Attacker) -> None:
    await _avatar(attacker, _plane("AVIF", 5000))


@attack("A2", "a WEBP of 25 megapixels, which is taken")
async def allowed_webp(attacker: Attacker) -> None:
    await _avatar(attacker, _plane("WEBP", 5000))


@attack("A4", "400 megabytes packed into 400 KB")
async def packed(attacker: Attacker) -> None:
    await attacker.request(
        "POST", "/api/v1/files/upload/", _packed(), Content_Type=_FORM, Content_Encoding="gzip", **attacker.bearer
    )


@attack("A4", "eight uploads at once beyond the quota", workers=8)
async def quota(attacker: Attacker) -> None:
    await attacker.request("POST", "/api/v1/files/upload/", _garbage(), Content_Type=_FORM, **attacker.bearer)


@attack("A4", "pictures of a guest", workers=8)
async def guests(attacker: Attacker) -> None:
    body = _form("images", "a.jpg", picture())
    await attacker.request("POST", "/api/orders/orders/", body, Content_Type=_FORM)
