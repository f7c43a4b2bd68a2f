"""Small files that cost their reader much, made on the spot."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

#: Where the only sample of the film begins: behind a file type box of 20 bytes and the head of the data.
_DATA_AT = 28


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def _counted(kind: bytes, *numbers: int) -> bytes:
    """A box with version and flags 0, and numbers of 32 bits."""
    return _box(kind, struct.pack(f">I{len(numbers)}I", 0, *numbers))


def film(samples: int) -> bytes:
    """An MP4 of under a kilobyte whose tables claim so many samples, each a byte of the same data."""
    unity = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    picture = _box(
        b"jpeg",
        *(bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HH", 32, 32)),
        *(struct.pack(">II", 72 << 16, 72 << 16), bytes(4), struct.pack(">H", 1), bytes(32)),
        struct.pack(">HH", 24, 0xFFFF),
    )
    tables = _box(
        b"stbl",
        _box(b"stsd", struct.pack(">II", 0, 1), picture),
        _counted(b"stts", 1, samples, 1),
        _counted(b"stsc", 1, 1, samples, 1),
        _counted(b"stsz", 1, samples),
        _counted(b"stco", 1, _DATA_AT),
    )
    references = _box(b"dinf", _box(b"dref", struct.pack(">II", 0, 1), _box(b"url ", struct.pack(">I", 1))))
    handler = _box(b"hdlr", bytes(8), b"vide", bytes(13))
    times = _counted(b"mdhd", 0, 0, 1000, 1000, 0x55C40000)
    media = _box(b"mdia", times, handler, _box(b"minf", _box(b"vmhd", bytes(12)), references, tables))
    shown = struct.pack(">6I", 3, 0, 0, 1, 0, 1000) + bytes(16) + unity + struct.pack(">II", 32 << 16, 32 << 16)
    whole = struct.pack(">5IH", 0, 0, 0, 1000, 1000, 1) + bytes(2) + struct.pack(">HH", 0x100, 0)
    movie = _box(b"mvhd", whole, bytes(6), unity, bytes(24), struct.pack(">I", 2))
    track = _box(b"trak", _box(b"tkhd", shown), media)
    return _box(b"ftyp", b"isom", bytes(4), b"isom") + _box(b"mdat", bytes(64)) + _box(b"moov", movie, track)


def gif(frames: int) -> bytes:
    """A GIF of 2×2, its frames black and white in turn."""
    head = b"GIF89a" + struct.pack("<HHBBB", 2, 2, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    frame = b"\x21\xf9\x04\x00\x02\x00\x00\x00\x2c" + struct.pack("<HHHHB", 0, 0, 2, 2, 0) + b"\x02%b\x00"
    dark, bright = frame % b"\x03\x84\x10\x05", frame % b"\x03\x8c\x12\x05"
    return head + (dark + bright) * (frames // 2) + dark * (frames % 2) + b"\x3b"


def scans(count: int, side: int = 2000) -> bytes:
    """A grey progressive JPEG of which every scan but the first leaves the whole picture as it is."""

    def segment(marker: int, content: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content

    def code(table: int, symbol: int) -> bytes:
        """One symbol, of one bit."""
        return segment(0xC4, bytes([table, 1]) + bytes(15) + bytes([symbol]))

    blocks = (-(-side // 8)) ** 2
    frame = segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00")
    # 0xE0 ends a band of up to 32767 blocks; their number follows in fourteen bits.
    bits = ("0" + "1" * 14) * -(-blocks // 32_767)
    bits += "1" * (-len(bits) % 8)
    empty = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    first = segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + bytes(-(-blocks // 8))
    again = segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + empty
    head = b"\xff\xd8" + segment(0xDB, b"\x00" + b"\x01" * 64) + frame + code(0x00, 0) + code(0x10, 0xE0)
    return head + first + again * count + b"\xff\xd9"


def plane(format_: str, side: int) -> bytes:
    """A black picture; that of a PNG never is in memory as a whole."""
    if format_ != "PNG":
        file = io.BytesIO()
        Image.new("RGB", (side, side)).save(file, format_, lossless=True, method=0, quality=0, speed=10)
        return file.getvalue()
    row, packer = bytes(side + 1), zlib.compressobj(1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
