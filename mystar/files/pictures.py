"""Pictures as we hand them out: without what cameras and programs write into them, and small.

A photograph says where and when it was made, by whom and with what, and sometimes holds a second picture; none of it
was meant for everybody who sees an avatar. What tells nothing is kept byte for byte.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageOps, ImageSequence

#: The type of all copies.
COPIED = "image/webp"
#: What Pillow calls facts that are needed to show a picture, and that tell nothing else.
_HARMLESS = {
    *("jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "adobe", "adobe_transform", "progressive"),
    *("progression", "icc_profile", "gamma", "srgb", "chromaticity", "aspect", "interlace", "transparency"),
    *("version", "background", "loop", "duration", "timestamp", "default_image", "bbox", "disposal", "blend"),
}
#: The segments of a JPEG that such facts come in, by how they begin.
_PLAIN_SEGMENTS = {"APP0": b"JFIF\0", "APP2": b"ICC_PROFILE\0", "APP14": b"Adobe"}
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_NEEDED = {"icc_profile", "transparency", "loop", "background"}
_ANIMATED = {"GIF", "WEBP", "AVIF"}
#: Of JPEG, WEBP and AVIF that have to be written anew.
_QUALITY = 92
_COPY_QUALITY = 82
#: Pixels of a side of what has to be written anew: packing 50 megapixels into AVIF takes 1.5 GB and ten seconds.
_LARGEST = 4096


class TooManyFrames(Exception):
    """All frames together have more pixels than one picture may have."""


def cleaned(path: Path, format_: str, max_pixels: int) -> bytes | None:
    """The picture upright, without metadata, at most 4096 pixels wide and high; None when it tells nothing as it is.

    :raises TooManyFrames: an animation that would have to be written anew is too large for that.
    """
    with Image.open(path, formats=[format_]) as image:
        image.load()  # a PNG may go on telling behind its pixels
        if not _tells(image):
            return None
        frames = getattr(image, "n_frames", 1) if format_ in _ANIMATED else 1
        if frames > 1:
            if frames * image.width * image.height > max_pixels:
                raise TooManyFrames
            return _animation(image, format_)
        if _is_upright(image) and image.format == "JPEG" and max(image.size) <= _LARGEST:
            # The same tables that it was packed with: hardly a pixel changes.
            return _written(_silence(image), format_, quality="keep")
        image.thumbnail((_LARGEST, _LARGEST))
        ImageOps.exif_transpose(image, in_place=True)
        return _written(_silence(image), format_, quality=_QUALITY)


def squares(path: Path, format_: str, sides: Iterable[int]) -> dict[int, bytes]:
    """WEBP copies by side: the middle of the picture, cut square; never larger than it is."""
    with Image.open(path, formats=[format_]) as image:
        # A JPEG is decoded no larger than it takes for sharp copies, others become so before they are turned.
        enough = 2 * max(sides)
        image.draft(None, (enough, enough))
        picture = _plain(_reduced(image, enough))
        ImageOps.exif_transpose(picture, in_place=True)
    copies = {}
    for side in sides:
        edge = min(side, *picture.size)
        square = ImageOps.fit(picture, (edge, edge), Image.Resampling.LANCZOS)
        copies[side] = _written(square, "WEBP", quality=_COPY_QUALITY)
    return copies


def _tells(image: Image.Image) -> bool:
    if image.format == "MPO":  # a JPEG with further pictures behind the first
        return True
    if getattr(image, "text", None) or getattr(image, "private_chunks", None):
        return True
    segments = getattr(image, "applist", [])
    if any(name not in _PLAIN_SEGMENTS or not data.startswith(_PLAIN_SEGMENTS[name]) for name, data in segments):
        return True
    facts = dict(image.info)
    extension = facts.pop("extension", None)
    return not facts.keys() <= _HARMLESS or bool(extension and extension[0][:11] not in _LOOPS)


def _is_upright(image: Image.Image) -> bool:
    orientation: int = image.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation not in range(2, 9)


def _silence(image: Image.Image) -> Image.Image:
    """The same picture; writers take what they are not told from ``info``."""
    image.info = {name: value for name, value in image.info.items() if name in _NEEDED}
    return image


def _animation(image: Image.Image, format_: str) -> bytes:
    frames, durations = [], []
    for frame in ImageSequence.Iterator(image):
        durations.append(int(frame.info.get("duration", 0)))
        frames.append(_silence(frame.copy()))
    first, *others = frames
    loop = {"loop": image.info["loop"]} if "loop" in image.info else {}
    return _written(first, format_, save_all=True, append_images=others, duration=durations, quality=_QUALITY, **loop)


def _plain(image: Image.Image) -> Image.Image:
    """In the colours of screens, with transparency if it had any."""
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
    if image.mode.startswith("I;16"):
        image = image.point(lambda level: level / 256).convert("L")
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    orientation = image.getexif().get(ExifTags.Base.Orientation)
    plain.info = {"icc_profile": profile} if profile else {}
    if orientation:
        plain.getexif()[ExifTags.Base.Orientation] = orientation
    return plain


def _reduced(image: Image.Image, enough: int) -> Image.Image:
    factor = min(image.size) // enough
    can_be = image.mode not in ("1", "P") and not image.mode.startswith("I;16")
    return image.reduce(factor) if can_be and factor > 1 else image


def _written(image: Image.Image, format_: str, **options: Any) -> bytes:
    if profile := image.info.get("icc_profile"):
        options["icc_profile"] = profile
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()
