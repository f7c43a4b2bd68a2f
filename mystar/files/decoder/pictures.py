"""Pictures as the service hands them out: without what cameras and programs write into them, and small.

A photograph says where and when it was made, by whom and with what, and sometimes holds a second picture; none of it
was meant for everybody who sees an avatar. A picture without metadata is kept byte for byte.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from PIL import AvifImagePlugin, ExifTags, Image, ImageOps, ImageSequence, WebPImagePlugin

from mystar.files.decoder.animations import gif_frames, strip_gif, strip_png, strip_webp
from mystar.files.decoder.job import Job, Refused, Result

#: What Pillow calls facts that are needed to show a JPEG or an AVIF, and that tell nothing else.
_HARMLESS = {
    *("jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "adobe", "adobe_transform", "progressive"),
    *("progression", "icc_profile", "loop", "duration", "timestamp"),
}
#: The segments of a JPEG that such facts come in, by how they begin.
_PLAIN_SEGMENTS = {"APP0": b"JFIF\0", "APP2": b"ICC_PROFILE\0", "APP14": b"Adobe"}
_NEEDED = {"icc_profile", "transparency", "loop"}
#: Formats that lose their metadata without being written anew, unless they have to be turned.
_STRIPPERS = {"GIF": strip_gif, "PNG": strip_png, "WEBP": strip_webp}
#: Of JPEG, WEBP and AVIF that have to be written anew.
_QUALITY = 92
_COPY_QUALITY = 82
#: Pixels of a side of what has to be written anew, with the memory and time that a child has.
_LARGEST, _LARGEST_AVIF = 4096, 3072
_HEIF = "HEIF"
#: Of a JPEG: each scan goes through the whole picture again.
_MAX_SCANS = 100
#: A marker inside the data of a scan: neither a stuffed byte nor a restart.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9

_Webp: Any = WebPImagePlugin.WebPImageFile
_next_frame = _Webp._get_next

AvifImagePlugin.DEFAULT_MAX_THREADS = 1
warnings.simplefilter("error", Image.DecompressionBombWarning)


def work(job: Job) -> Result:
    """Check the picture, and write its clean copy and its square copies if they are asked for.

    :raises Refused: it has too many pixels, frames or scans. Hostile ones raise almost anything else.
    """
    # Pillow only warns between its limit and twice that; here every warning is a refusal.
    Image.MAX_IMAGE_PIXELS = job.max_pixels
    try:
        _Webp._get_next = _only_frame
        frames = _checked(job)
        outputs = ["clean"] if job.clean and _clean(job, frames) else []
        outputs += _squares(job) if job.sides else []
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("too_many_pixels") from error
    finally:
        _Webp._get_next = _next_frame
    return Result(outputs=tuple(outputs))


def _only_frame(image: Any) -> tuple[bytes, int, int]:
    """The first frame of a WEBP, the only one that is read, without its decoder from then on.

    That keeps two pictures of its own: half of the memory that there is.
    """
    frame: tuple[bytes, int, int] = _next_frame(image)
    image._decoder = None
    return frame


def _checked(job: Job) -> int:
    """Read every byte of the first picture; how many pictures there are."""
    if job.reader == "JPEG":
        _check_scans(Path(job.path).read_bytes())
    frames = gif_frames(Path(job.path).read_bytes(), job.max_frames) if job.reader == "GIF" else 1
    if job.reader == "PNG":
        # Checks the sums of all chunks, which decoding does not; the image is of no use afterwards.
        with _opened(job) as image:
            image.verify()
    with _opened(job) as image:
        if job.reader not in ("GIF", "JPEG"):
            frames = getattr(image, "n_frames", 1)
        if frames > job.max_frames:
            raise Refused("too_many_frames")
        # A JPEG can be decoded small: all of its bytes are read, an eighth of its size is kept.
        image.draft(None, (1, 1))
        image.load()
    return frames


def _opened(job: Job) -> Image.Image:
    if job.reader == _HEIF:
        _register_heif()
    image = Image.open(job.path, formats=[job.reader])
    if image.width * image.height > job.max_pixels:
        raise Refused("too_many_pixels")
    return image


def _register_heif() -> None:
    # Optional, see setup.cfg.
    import pillow_heif

    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener(thumbnails=False)


def _check_scans(content: bytes) -> None:
    """:raises Refused: too many scans in the first picture of the file."""
    scans, at = 0, 2
    while at + 4 <= len(content):
        marker = content[at + 1]
        if content[at] != 0xFF or marker == _END_OF_IMAGE:
            return
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == _START_OF_SCAN:
            scans += 1
            if scans > _MAX_SCANS:
                raise Refused("too_many_scans")
            found = _MARKER.search(content, at)
            at = found.start() if found else len(content)


def _clean(job: Job, frames: int) -> bool:
    """Write the picture upright, without metadata; False: it is both already. HEIC becomes JPEG.

    :raises Refused: an animation that has to be written anew is too large for that.
    """
    if job.reader != _HEIF and frames == 1 and not _is_upright(job):
        _write(_drop_metadata(ImageOps.exif_transpose(_reasonable(job))), job, "clean", job.reader, **_options(job))
        return True
    if job.reader in _STRIPPERS:
        return _write_stripped(job)
    if job.reader == _HEIF:
        _write(
            _drop_metadata(ImageOps.exif_transpose(_reasonable(job)).convert("RGB")),
            job,
            "clean",
            "JPEG",
            quality=_QUALITY,
        )
        return True
    with _opened(job) as image:
        if frames * image.width * image.height > job.max_pixels:
            raise Refused("too_many_pixels")
        if not _has_metadata(image):
            return False
        if image.format == "JPEG" and max(image.size) <= _LARGEST:
            # The same tables that it was packed with: hardly a pixel changes.
            _write(_drop_metadata(image), job, "clean", "JPEG", quality="keep")
            return True
    if frames > 1:
        _write_animation(job)
    else:
        _write(_drop_metadata(_reasonable(job)), job, "clean", job.reader, **_options(job))
    return True


def _write_stripped(job: Job) -> bool:
    content = Path(job.path).read_bytes()
    bare = _STRIPPERS[job.reader](content)
    if bare == content:
        return False
    Path(job.output("clean")).write_bytes(bare)
    return True


def _reasonable(job: Job) -> Image.Image:
    """The picture, not too wide and high, apart from its reader, which keeps large buffers of its own."""
    largest = _LARGEST_AVIF if job.reader == "AVIF" else _LARGEST
    with _opened(job) as image:
        image.thumbnail((largest, largest))
        return image.copy()


def _squares(job: Job) -> list[str]:
    """Write WEBP copies by side: the middle of the picture, cut square; never larger than it is."""
    with _opened(job) as image:
        # A JPEG is decoded no larger than it takes for sharp copies, others become so before they are turned.
        enough = 2 * max(job.sides)
        image.draft(None, (enough, enough))
        picture = _plain(_reduced(image, enough))
        ImageOps.exif_transpose(picture, in_place=True)
    for side in job.sides:
        edge = min(side, *picture.size)
        square = ImageOps.fit(picture, (edge, edge), Image.Resampling.LANCZOS)
        _write(square, job, str(side), "WEBP", quality=_COPY_QUALITY)
    return [str(side) for side in job.sides]


def _has_metadata(image: Image.Image) -> bool:
    """Whether a JPEG or an AVIF has metadata."""
    if image.format == "MPO":  # a JPEG with further pictures behind the first
        return True
    segments = getattr(image, "applist", [])
    if any(name not in _PLAIN_SEGMENTS or not data.startswith(_PLAIN_SEGMENTS[name]) for name, data in segments):
        return True
    return not image.info.keys() <= _HARMLESS


def _is_upright(job: Job) -> bool:
    with _opened(job) as image:
        orientation: int = image.getexif().get(ExifTags.Base.Orientation, 1)
    return orientation not in range(2, 9)


def _options(job: Job) -> dict[str, int]:
    """For writers, which would take most of the time and memory that there is."""
    if job.reader == "PNG":
        return {"compress_level": 3}
    return {"quality": _QUALITY, "speed": 9, "max_threads": 1} if job.reader == "AVIF" else {"quality": _QUALITY}


def _drop_metadata(image: Image.Image) -> Image.Image:
    """The same picture; writers take what they are not told from ``info``."""
    image.info = {name: value for name, value in image.info.items() if name in _NEEDED}
    return image


def _write_animation(job: Job) -> None:
    frames, durations = [], []
    with _opened(job) as image:
        for frame in ImageSequence.Iterator(image):
            frame.load()  # only then does it know its time
            durations.append(int(frame.info.get("duration", 0)))
            frames.append(_drop_metadata(frame.copy()))
    first, *others = frames
    options = {"save_all": True, "append_images": others, "duration": durations, **_options(job)}
    _write(first, job, "clean", job.reader, **options)


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


def _write(image: Image.Image, job: Job, name: str, format_: str, **options: Any) -> None:
    if profile := image.info.get("icc_profile"):
        options["icc_profile"] = profile
    image.save(job.output(name), format_, **options)
