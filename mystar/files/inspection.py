"""Looks into pictures and videos: the first bytes may promise what the rest does not keep (promise S12).

Pictures also get their clean copy and their small ones here. All of it happens in the decoder's processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from mystar.errors import Text, Unavailable
from mystar.files.decoder.job import Job, Refusal, Result
from mystar.files.decoder.pool import POOL
from mystar.files.model import (
    ANYTHING,
    BROKEN,
    HEIC,
    JPEG,
    NO_PICTURE,
    TOO_COSTLY,
    TOO_MANY_FRAMES,
    TOO_MANY_PIXELS,
    TOO_MANY_SCANS,
    VIDEOS,
    MediaType,
    VideoInfo,
)
from mystar.files.turns import SharedTurns
from mystar.kit.storage.local import in_thread

_REASONS: Mapping[Refusal, Text] = {
    "broken": BROKEN,
    "no_picture": NO_PICTURE,
    "only_sound": NO_PICTURE,
    "too_costly": TOO_COSTLY,
    "too_many_frames": TOO_MANY_FRAMES,
    "too_many_pixels": TOO_MANY_PIXELS,
    "too_many_scans": TOO_MANY_SCANS,
}
_CLEAN = "clean"
#: Seconds that a file waits for one of the same person in another process.
_PATIENCE = 60.0


class MediaRejected(Exception):
    """The file is not what it seems; ``reason`` is for people."""

    def __init__(self, reason: Text) -> None:
        self.reason = reason
        super().__init__(reason.en)


@dataclass(frozen=True, slots=True)
class Inspected:
    """``media`` is what to keep the file as, ``clean`` the file to store in place of the upload, if any, ``copies`` are
    the square ones by side.
    """

    media: MediaType
    video: VideoInfo | None = None
    clean: Path | None = None
    copies: Mapping[int, Path] = field(default_factory=dict)


class Inspector:
    """:param turns: one picture of a person at a time in all processes, if there are several.

    :param max_pixels: width × height of the largest picture that is ever decoded. :param max_frames: of an animation.
    """

    def __init__(self, turns: SharedTurns | None, *, max_pixels: int, max_frames: int) -> None:
        self._turns, self._max_pixels, self._max_frames = turns, max_pixels, max_frames

    @asynccontextmanager
    async def inspected(
        self,
        path: Path,
        media: MediaType,
        *,
        person: str,
        clean: bool = False,
        sides: Iterable[int] = (),
        any_other: bool = False,
    ) -> AsyncIterator[Inspected]:
        """What a file is, with its results as files beside it, which are deleted at the end of the block.

        :param person: whose turn it is, see `DecoderPool`. :param clean: pictures lose what tells of their maker.
        :param sides: of square copies, in pixels. :param any_other: sound without a picture is any other file.
        :raises MediaRejected: broken, cut off or too costly. :raises Unavailable: too many wait.
        """
        if media is ANYTHING:
            yield Inspected(media)
            return
        is_video = media.content_type in VIDEOS
        job = Job(str(path), media.reader, is_video, clean, tuple(sides), self._max_pixels, self._max_frames)
        try:
            result = await self._decoded(person, job)
            if result.refusal == "only_sound" and any_other:
                yield Inspected(ANYTHING)
                return
            if result.refusal is not None:
                raise MediaRejected(_REASONS[result.refusal])
            yield _inspected(media, job, result)
        finally:
            await in_thread(_delete, path)

    async def _decoded(self, person: str, job: Job) -> Result:
        if self._turns is None:
            return await POOL.run(person, job)
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await stack.enter_async_context(self._turns.turn(person))
            except TimeoutError as error:
                raise Unavailable(retry_after=30) from error
            return await POOL.run(person, job)


def _inspected(media: MediaType, job: Job, result: Result) -> Inspected:
    if job.is_video:
        return Inspected(media, VideoInfo(result.duration_ms, result.width, result.height, result.codec))
    paths = {name: Path(job.output(name)) for name in result.outputs}
    kept = JPEG if media is HEIC else media
    return Inspected(kept, None, paths.pop(_CLEAN, None), {int(side): path for side, path in paths.items()})


def reads_heic() -> bool:
    """Whether the library for HEIC is installed; it is imported by the decoder alone."""
    return find_spec("pillow_heif") is not None


def _delete(path: Path) -> None:
    """The results of a job, also half of one when the child was killed."""
    for output in path.parent.glob(f"{path.name}.*"):
        output.unlink(missing_ok=True)
