"""What the service asks of the decoder, and what it is answered; both travel as one line of JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Refusal = Literal[
    "broken", "no_picture", "only_sound", "too_costly", "too_many_frames", "too_many_pixels", "too_many_scans"
]


class Refused(Exception):
    """The file is not acceptable; ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal: Refusal = refusal
        super().__init__(refusal)


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that is to be done with one file, in one child.

    :param reader: the name of the format for Pillow, or of the demuxer for FFmpeg.
    :param clean: write a copy without metadata, unless the file has none. :param sides: of square copies, in pixels.
    :param max_pixels: width × height of the largest picture that is decoded. :param max_frames: of an animation.
    """

    path: str
    reader: str
    is_video: bool = False
    clean: bool = False
    sides: tuple[int, ...] = ()
    max_pixels: int = 0
    max_frames: int = 0

    def output(self, name: str) -> str:
        """The path of a result, "clean" or the side of a square: beside the file itself."""
        return f"{self.path}.{name}"


@dataclass(frozen=True, slots=True)
class Result:
    """``outputs`` are the names of the files that were written; the rest is of a video. Duration in milliseconds."""

    refusal: Refusal | None = None
    outputs: tuple[str, ...] = ()
    duration_ms: int | None = None
    width: int = 0
    height: int = 0
    codec: str = ""
