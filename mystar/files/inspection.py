"""Looks into pictures and videos, in threads: the first bytes may promise what the rest does not keep (promise S12).

Pictures are also made presentable here, since decoded ones take much memory and must wait for their turn.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ParamSpec, TypeVar

from PIL import Image

from mystar.errors import Text
from mystar.files.model import BROKEN, IMAGES, NO_PICTURE, TOO_MANY_PIXELS, VIDEOS, MediaType, VideoInfo
from mystar.files.pictures import TooManyFrames, cleaned, squares

P = ParamSpec("P")
T = TypeVar("T")

#: Decoded pictures are large; more at once would only wait for each other.
_AT_ONCE = 2


class MediaRejected(Exception):
    """The file is not what it seems; ``reason`` is for people."""

    def __init__(self, reason: Text) -> None:
        self.reason = reason
        super().__init__(reason.en)


class Inspector:
    """:param max_pixels: width × height of the largest picture that is ever decoded."""

    def __init__(self, *, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._turns = asyncio.Semaphore(_AT_ONCE)
        # Pillow only warns between its limit and twice that; for us every warning is a refusal.
        Image.MAX_IMAGE_PIXELS = max_pixels
        warnings.simplefilter("error", Image.DecompressionBombWarning)

    async def inspect(self, path: Path, media: MediaType) -> VideoInfo | None:
        """What a film says of itself. :raises MediaRejected: broken, cut off, too large, or no picture in it."""
        async with self._turns:
            if media.content_type in IMAGES:
                await asyncio.to_thread(_sound, _inspect_image, path, media.reader, self._max_pixels)
            elif media.content_type in VIDEOS:
                return await asyncio.to_thread(_inspect_video, path, media.reader)
        return None

    async def clean(self, path: Path, media: MediaType) -> bytes | None:
        """The picture without what it tells of its maker; None when it tells nothing, as no other file does.

        :raises MediaRejected: it has to be written anew and cannot be.
        """
        if media.content_type not in IMAGES:
            return None
        async with self._turns:
            return await asyncio.to_thread(_sound, cleaned, path, media.reader, self._max_pixels)

    async def copy(self, path: Path, media: MediaType, sides: Iterable[int]) -> dict[int, bytes]:
        """Square copies of a picture, by side in pixels: see `pictures.squares`. :raises MediaRejected:"""
        async with self._turns:
            return await asyncio.to_thread(_sound, squares, path, media.reader, tuple(sides))


def _inspect_image(path: Path, format_: str, max_pixels: int) -> None:
    if format_ == "PNG":
        # Checks the sums of all chunks, which decoding does not; the image is of no use afterwards.
        with Image.open(path, formats=[format_]) as image:
            image.verify()
    with Image.open(path, formats=[format_]) as image:
        if image.width * image.height > max_pixels:
            raise MediaRejected(TOO_MANY_PIXELS)
        # A JPEG can be decoded small: all of its bytes are read, an eighth of its size is kept.
        image.draft(None, (1, 1))
        image.load()


def _sound(work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """What the work with a picture answers. :raises MediaRejected: the picture is to blame."""
    try:
        return work(*arguments, **options)
    except MediaRejected:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, TooManyFrames) as error:
        raise MediaRejected(TOO_MANY_PIXELS) from error
    except Exception as error:
        # Pillow's readers fail in a dozen ways on hostile bytes: OSError, SyntaxError, ValueError, struct.error …
        raise MediaRejected(BROKEN) from error


def _inspect_video(path: Path, demuxer: str) -> VideoInfo:
    """Reads the index and the first picture, whatever the size of the film."""
    # FFmpeg is twenty megabytes of memory that a process without video uploads need not have.
    import av

    try:
        # The demuxer is named and the address is a plain file: no playlist can make FFmpeg open something else.
        with av.open(f"file:{path}", format=demuxer) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None or not stream.codec_context.width or not stream.codec_context.height:
                raise MediaRejected(NO_PICTURE)
            if next(container.demux(stream)).size == 0:
                raise MediaRejected(NO_PICTURE)
            picture = stream.codec_context
            # FFmpeg counts in microseconds.
            duration = round(container.duration / 1000) if container.duration and container.duration > 0 else None
            return VideoInfo(duration, picture.width, picture.height, picture.name)
    except MediaRejected:
        raise
    except (av.FFmpegError, StopIteration, ValueError, OSError) as error:
        raise MediaRejected(BROKEN) from error
