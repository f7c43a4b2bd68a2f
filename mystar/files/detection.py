"""Recognises what a file is by its first bytes, and what its name has to do with that.

Whether the rest of the file keeps that promise is for the decoder to see.
"""

from __future__ import annotations

from mystar.files.model import ANYTHING, HEIC, IMAGES, JPEG, VIDEOS, MediaType

_PNG, _WEBP = IMAGES["image/png"], IMAGES["image/webp"]
_GIF, _AVIF = IMAGES["image/gif"], IMAGES["image/avif"]
_MP4, _MOV, _WEBM = VIDEOS["video/mp4"], VIDEOS["video/quicktime"], VIDEOS["video/webm"]

#: Brands of ISO base media files (ISO/IEC 14496-12) that are no videos. Any other brand may be one.
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"heif", b"mif1", b"msf1"}
_OTHER_BRANDS = {b"M4A ", b"M4B ", b"M4P ", b"aax ", b"crx ", b"jp2 ", b"jpm ", b"jpx ", b"mjp2"}
_QUICKTIME = b"qt  "
#: The first box of a QuickTime video without brands. In a text, its length would begin with a letter.
_FIRST_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_LARGEST_FIRST_BYTE = 0x1F
_EBML = b"\x1a\x45\xdf\xa3"
#: The head of an EBML file says the type of its document within these bytes.
_EBML_HEAD = 64

#: Extensions of pictures and videos. A file that has one of them is taken for what its bytes are.
MEDIA_EXTENSIONS = frozenset().union(
    *(one.extensions for one in (*IMAGES.values(), *VIDEOS.values(), HEIC)),
    {"apng", "3gp", "3gpp", "3g2", "3gp2", "mkv", "f4v"},
)
#: Extensions of what systems and browsers run. Content that does not fit them was named to deceive.
_ACTIVE_EXTENSIONS = frozenset(
    (
        *("apk", "app", "asp", "aspx", "bat", "cgi", "cmd", "com", "cpl", "css", "deb", "dll", "dmg", "exe"),
        *("hta", "htm", "html", "jar", "js", "jse", "jsp", "lnk", "mht", "mhtml", "mjs", "msi", "phar", "php", "phtml"),
        *("pl", "ps1", "py", "rb", "reg", "rpm", "scr", "sh", "shtml", "svg", "svgz", "swf", "vbe", "vbs", "wasm"),
        *("wsf", "xht", "xhtml", "xml", "xsl"),
    )
)


def detect_type(head: bytes) -> MediaType:
    """The type that the first bytes of a file show; `ANYTHING` when it is not a known one."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _PNG
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return _GIF
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _WEBP
    if head.startswith(_EBML):
        return _WEBM if b"webm" in head[:_EBML_HEAD] else ANYTHING
    return _boxed(head)


def _boxed(head: bytes) -> MediaType:
    """Of a file that consists of boxes."""
    if len(head) < 8 or head[0] > _LARGEST_FIRST_BYTE:
        return ANYTHING
    if head[4:8] != b"ftyp":
        return _MOV if head[4:8] in _FIRST_BOXES else ANYTHING
    size = int.from_bytes(head[:4], "big")
    major, brands = head[8:12], {head[at : at + 4] for at in (8, *range(16, min(size, len(head)), 4))}
    if brands & _AVIF_BRANDS:
        return _AVIF
    if brands & _HEIC_BRANDS:
        return HEIC
    if major in _OTHER_BRANDS:
        return ANYTHING
    return _MOV if major == _QUICKTIME else _MP4


def is_media_name(name: str) -> bool:
    """Whether a picture or a video may have this name: its extension is one of theirs, or there is none."""
    extension = extension_of(name)
    return not extension or extension in MEDIA_EXTENSIONS


def is_hostile_name(name: str) -> bool:
    """Whether a picture or a video is named as something that runs."""
    return extension_of(name) in _ACTIVE_EXTENSIONS


def fitting_name(name: str, media: MediaType) -> str:
    """The name with an extension that fits: another one of pictures and videos is replaced, any other one is kept."""
    extension = extension_of(name)
    if not extension or not media.extensions or extension in media.extensions:
        return name
    stem = name[: -len(extension) - 1] if extension in MEDIA_EXTENSIONS else name
    return f"{stem}.{media.extension}"


def extension_of(name: str) -> str:
    """In lower case, without the dot; "" when there is none."""
    _, dot, extension = name.rpartition(".")
    return extension.lower() if dot else ""
