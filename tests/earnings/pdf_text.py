"""What a reader of a PDF sees and copies: its texts, by its own tables of characters."""

from __future__ import annotations

import re
import zlib

_STREAM = re.compile(rb"(\d+) 0 obj\n<<[^>]*?/Length (\d+)[^>]*>>\nstream\n")
_DRAWN = re.compile(r"BT /F(\d+) [\d.]+ Tf \S+ \S+ Td <([0-9A-F]*)> Tj ET")


def streams_of(document: bytes) -> dict[int, bytes]:
    """The unpacked streams, by the numbers of their objects."""
    return {
        int(found[1]): zlib.decompress(document[found.end() : found.end() + int(found[2])])
        for found in _STREAM.finditer(document)
    }


def texts_of(document: bytes) -> list[str]:
    """Each piece of text of all pages, in the order in which they are drawn; spaces that do not break are spaces."""
    streams = streams_of(document)
    fonts = re.search(rb"/Font << (.*?) >>", document)
    assert fonts
    characters: dict[str, dict[str, str]] = {}
    for name, number in re.findall(rb"/F(\d+) (\d+) 0 R", fonts[1]):
        table = re.search(rb"\n%b 0 obj\n<<.*?/ToUnicode (\d+) 0 R" % number, document)
        assert table
        pairs = re.findall(r"<([0-9A-F]{4})> <([0-9a-f]+)>", streams[int(table[1])].decode())
        characters[name.decode()] = {glyph: bytes.fromhex(code).decode("utf-16-be") for glyph, code in pairs}
    drawn = [found for content in streams.values() for found in _DRAWN.findall(content.decode("latin-1"))]
    texts = (
        "".join(characters[font][glyphs[at : at + 4]] for at in range(0, len(glyphs), 4)) for font, glyphs in drawn
    )
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts]
