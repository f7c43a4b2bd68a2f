"""Large files pass through in pieces: memory does not grow with them (promise F1, in its short form)."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from mystar.files.service import FileService
from tests.conftest import Api
from tests.factory import Factory, actor, video

MEGABYTE = 2**20
SIZE = 48 * MEGABYTE


def piece(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest() * 2048


async def chunks() -> AsyncIterator[bytes]:
    for number in range(SIZE // 65_536):
        yield piece(number)


@contextmanager
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MEGABYTE


async def test_a_large_file_is_streamed_in_both_directions(api: Api, factory: Factory, files: FileService) -> None:
    owner = await factory.person()
    with little_memory():
        file = await files.receive(actor(owner), chunks(), kinds=("other",), folder="notes", name="large.bin")
    assert file.size == SIZE

    digest = hashlib.sha256()
    with little_memory():
        answer = await api.get(f"/media/{file.key}", as_=owner)
        async for chunk in answer.content.iter_chunked(MEGABYTE):
            digest.update(chunk)
    assert digest.digest() == file.sha256


async def test_a_large_video_in_a_form_is_streamed(api: Api, factory: Factory) -> None:
    star = await factory.star()
    head = b'--b0undary\r\nContent-Disposition: form-data; name="video_hi"; filename="hi.mp4"\r\n\r\n' + video()

    async def body() -> AsyncIterator[bytes]:
        yield head
        # A box that players skip.
        yield SIZE.to_bytes(4, "big") + b"free" + bytes(65_528)
        for _ in range(SIZE // 65_536 - 1):
            yield bytes(65_536)
        yield b"\r\n--b0undary--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b0undary"}
    with little_memory():
        answer = await api.post("/api/upload/video/hi/", data=body(), headers=headers, as_=star)
    assert answer.status == 201
    served = await api.request("HEAD", (await answer.json())["video_hi"])
    assert int(served.headers["Content-Length"]) == len(video()) + SIZE
