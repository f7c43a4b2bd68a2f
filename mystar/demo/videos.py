"""A silent two-second video: a portrait with a band of light passing over it.

H.264 in MP4 plays everywhere; where PyAV was built without that encoder it is VP8 in WebM, which browsers play as well.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import pi, sin
from typing import Any

import av
from PIL import Image

SECONDS = 2
_FRAMES_A_SECOND = 10
#: Pixels; even, as H.264 wants it.
_SIDE = 360


@dataclass(frozen=True, slots=True)
class Video:
    data: bytes
    #: Of the file's name, without a dot.
    extension: str


def greeting(portrait: Image.Image, wanted: str = "libx264") -> Video:
    """Encode a video of a square portrait. CPU-bound, about 0.1 s: run it in a thread.

    :param wanted: FFmpeg's name of the encoder for H.264, used if there is one of this name.
    """
    extension, codec, options = _encoder(wanted)
    file = io.BytesIO()
    with av.open(file, "w", format=extension) as out:
        stream: Any = out.add_stream(codec, rate=_FRAMES_A_SECOND, options=options)
        stream.width = stream.height = _SIDE
        stream.pix_fmt = "yuv420p"
        for number in range(SECONDS * _FRAMES_A_SECOND):
            frame: Any = av.VideoFrame.from_image(_frame(portrait, number))  # type: ignore[no-untyped-call]
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return Video(file.getvalue(), extension)


def _encoder(wanted: str) -> tuple[str, str, dict[str, str]]:
    """The container, the codec and its options."""
    try:
        av.Codec(wanted, "w")
    except av.codec.codec.UnknownCodecError:
        return "webm", "libvpx", {"deadline": "realtime", "cpu-used": "8", "b": "400k"}
    return "mp4", wanted, {"preset": "superfast", "crf": "28"}


def _frame(portrait: Image.Image, number: int) -> Image.Image:
    """The camera breathes in and out once, and a bright band crosses the picture."""
    moment = number / (SECONDS * _FRAMES_A_SECOND)
    margin = round(portrait.width * 0.05 * sin(pi * moment))
    box = (margin, margin, portrait.width - margin, portrait.height - margin)
    frame = portrait.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, box=box)
    band = Image.new("L", (_SIDE, _SIDE))
    band.paste(
        Image.linear_gradient("L").rotate(90).resize((_SIDE // 3, _SIDE)), (round((moment * 1.5 - 0.4) * _SIDE), 0)
    )
    frame.paste((255, 255, 255), mask=band.point(lambda light: min(light, 255 - light) // 2))
    return frame
