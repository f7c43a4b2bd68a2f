"""Animations without their metadata, frame by frame as they were: only blocks of the file are left out.

Nothing is decoded, so that times, colours and size stay exactly the same however long an animation is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mystar.files.decoder.job import Refused

#: Of a GIF: the extension with the times of a frame, and applications that say how often it is repeated.
_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_LOOP_SIZE = 19
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNKS = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP"),
    *(b"cICP", b"sBIT", b"bKGD", b"pHYs"),
}
_WEBP_CHUNKS = {b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"}
#: In the flags of VP8X: there is EXIF, there is XMP.
_WEBP_METADATA = 0x08 | 0x04
_FRAME_HEAD = 16


def gif_blocks(content: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each block behind the header, without the trailer. Ends where the file breaks off."""
    at = 13 + _colours(content[10])
    try:
        while content[at] in (0x21, 0x2C):
            start = at
            at += 2 if content[at] == 0x21 else 11 + _colours(content[at + 9])
            while content[at]:
                at += content[at] + 1
            at += 1
            yield start, at
    except IndexError:
        return


def _colours(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def gif_frames(content: bytes, most: int) -> int:
    """How many frames a GIF has. :raises Refused: more than ``most``."""
    count = 0
    for start, _ in gif_blocks(content):
        count += content[start] == 0x2C
        if count > most:
            raise Refused("too_many_frames")
    return count


def strip_gif(content: bytes) -> bytes:
    """The GIF without comments, texts and what applications wrote; the same bytes when there are none."""
    blocks = list(gif_blocks(content))
    kept = [content[start:end] for start, end in blocks if _is_shown(content[start:end])]
    if len(kept) == len(blocks):
        return content
    return content[: 13 + _colours(content[10])] + b"".join(kept) + b"\x3b"


def _is_shown(block: bytes) -> bool:
    if block[0] == 0x2C or block[1] == _CONTROL:
        return True
    return block[1] == _APPLICATION and block[3:14] in _LOOPS and len(block) == _LOOP_SIZE


def strip_png(content: bytes) -> bytes:
    """The PNG with chunks of its picture alone."""
    at, kept = len(_PNG_HEAD), [_PNG_HEAD]
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        kind, end = content[at + 4 : at + 8], at + 12 + size
        if kind in _PNG_CHUNKS:
            kept.append(content[at:end])
        if kind == b"IEND":
            break
        at = end
    return b"".join(kept)


def strip_webp(content: bytes) -> bytes:
    """The WEBP with chunks of its picture alone."""
    body = b"".join(map(_strip_chunk, _riff(content[12:])))
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _strip_chunk(chunk: bytes) -> bytes:
    if chunk[:4] == b"VP8X":
        return chunk[:8] + bytes([chunk[8] & ~_WEBP_METADATA]) + chunk[9:]
    if chunk[:4] == b"ANMF":
        data = chunk[8 : 8 + _FRAME_HEAD] + b"".join(_riff(chunk[8 + _FRAME_HEAD :]))
        return b"ANMF" + struct.pack("<I", len(data)) + data
    return chunk


def _riff(content: bytes) -> Iterator[bytes]:
    """The chunks of a picture, each with its padding."""
    at = 0
    while at + 8 <= len(content):
        (size,) = struct.unpack_from("<I", content, at + 4)
        end = at + 8 + size + size % 2
        if content[at : at + 4] in _WEBP_CHUNKS:
            yield content[at:end]
        at = end
