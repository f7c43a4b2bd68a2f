"""PDF documents that are written while they are drawn: a page is given away when it ends, and nothing of it is kept.

What a reader needs to find the pages (fonts, list of pages, offsets) comes last, as the format allows. So a document
may be of any length, and cannot say on its pages how many there are.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

#: Points of a millimetre.
MM = 72 / 25.4
_CATALOG, _PAGES, _INFO, _RESOURCES, _FIRST = 1, 2, 3, 4, 5
#: Objects of one font: composite font, its descendant, descriptor, file, map to Unicode.
_OF_FONT = 5


@dataclass(frozen=True, slots=True)
class Face:
    """A TrueType font. ``glyphs``: number of the glyph of each character; ``widths``: thousandths of the size."""

    path: str
    name: str
    glyphs: Mapping[int, int]
    widths: Sequence[int]
    box: Sequence[int]
    ascent: int
    descent: int


@cache
def load_face(path: str) -> Face:
    """Read once in a process. :raises OSError:"""
    # Imported for the first document, as most processes parse no fonts.
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True) as font:
        scale = 1000 / font["head"].unitsPerEm
        metrics = font["hmtx"].metrics
        box = (font["head"].xMin, font["head"].yMin, font["head"].xMax, font["head"].yMax)
        return Face(
            path=path,
            name=str(font["name"].getDebugName(6)),
            glyphs={code: font.getGlyphID(name) for code, name in font.getBestCmap().items()},
            widths=[round(metrics[name][0] * scale) for name in font.getGlyphOrder()],
            box=[round(side * scale) for side in box],
            ascent=round(font["hhea"].ascent * scale),
            descent=round(font["hhea"].descent * scale),
        )


class Pdf:
    """Each method answers the bytes that come next, if any. Millimetres from the upper left corner; sizes in points.

    :param fonts: paths of TrueType files, by the names that `text` takes.
    """

    def __init__(
        self, fonts: Mapping[str, str], *, width: float, height: float, title: str, created_at: datetime
    ) -> None:
        self._faces = {name: load_face(path) for name, path in fonts.items()}
        self._numbers = {name: number for number, name in enumerate(fonts)}
        self._used: dict[str, dict[int, int]] = {name: {} for name in fonts}
        self._width, self._height, self._title, self._created_at = width, height, title, created_at
        self._written, self._offsets = 0, dict[int, int]()
        self._page_ids: list[int] = []
        self._next_id = _FIRST + _OF_FONT * len(fonts)
        self._drawn: list[str] = []

    @property
    def page_number(self) -> int:
        """Of the page that is being drawn, from 1."""
        return len(self._page_ids) + 1

    def begin(self) -> bytes:
        # Bytes above 127 in a comment say that the file is not text.
        return self._give(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

    def text(self, x: float, y: float, text: str, font: str, size: float) -> None:
        """Draw one line; a character that the font lacks becomes its empty box."""
        glyphs, used = self._faces[font].glyphs, self._used[font]
        codes = []
        for character in text:
            glyph = glyphs.get(ord(character), 0)
            used.setdefault(glyph, ord(character))
            codes.append(f"{glyph:04X}")
        place = f"{x * MM:.2f} {(self._height - y) * MM:.2f}"
        self._drawn.append(f"BT /F{self._numbers[font]} {size:g} Tf {place} Td <{''.join(codes)}> Tj ET")

    def end_page(self) -> bytes:
        content, page = self._new_id(), self._new_id()
        self._page_ids.append(page)
        drawn, self._drawn = "\n".join(self._drawn).encode(), []
        return self._stream(content, drawn) + self._object(
            page,
            f"<< /Type /Page /Parent {_PAGES} 0 R /MediaBox [0 0 {self._width * MM:.2f} {self._height * MM:.2f}]"
            f" /Resources {_RESOURCES} 0 R /Contents {content} 0 R >>",
        )

    def finish(self) -> bytes:
        """Fonts with the glyphs that were used, and the places of everything."""
        parts = [self._font(name) for name in self._faces]
        fonts = " ".join(f"/F{number} {self._font_id(number)} 0 R" for number in self._numbers.values())
        kids = " ".join(f"{page} 0 R" for page in self._page_ids)
        made = self._created_at.astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ")
        title = (b"\xfe\xff" + self._title.encode("utf-16-be")).hex()
        parts += [
            self._object(_RESOURCES, f"<< /Font << {fonts} >> >>"),
            self._object(_PAGES, f"<< /Type /Pages /Count {len(self._page_ids)} /Kids [{kids}] >>"),
            self._object(_CATALOG, f"<< /Type /Catalog /Pages {_PAGES} 0 R >>"),
            self._object(_INFO, f"<< /Title <{title}> /CreationDate ({made}) /Producer (mystar) >>"),
        ]
        start, count = self._written, max(self._offsets) + 1
        places = "".join(f"{self._offsets[number]:010d} 00000 n \n" for number in range(1, count))
        trailer = f"trailer\n<< /Size {count} /Root {_CATALOG} 0 R /Info {_INFO} 0 R >>\nstartxref\n{start}\n%%EOF\n"
        parts.append(self._give(f"xref\n0 {count}\n0000000000 65535 f \n{places}{trailer}".encode()))
        return b"".join(parts)

    def _font(self, name: str) -> bytes:
        face, used, first = self._faces[name], self._used[name], self._font_id(self._numbers[name])
        widths = " ".join(f"{glyph} [{face.widths[glyph]}]" for glyph in sorted(used))
        box, font_file = " ".join(map(str, face.box)), subset(face, used)
        base = f"MYSTAR+{face.name}"
        descendant, descriptor, file, unicode = range(first + 1, first + _OF_FONT)
        return b"".join(
            (
                self._object(
                    first,
                    f"<< /Type /Font /Subtype /Type0 /BaseFont /{base} /Encoding /Identity-H"
                    f" /DescendantFonts [{descendant} 0 R] /ToUnicode {unicode} 0 R >>",
                ),
                self._object(
                    descendant,
                    f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{base} /CIDToGIDMap /Identity"
                    f" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
                    f" /FontDescriptor {descriptor} 0 R /W [{widths}] >>",
                ),
                self._object(
                    descriptor,
                    f"<< /Type /FontDescriptor /FontName /{base} /Flags 4 /FontBBox [{box}] /ItalicAngle 0"
                    f" /Ascent {face.ascent} /Descent {face.descent} /CapHeight {face.ascent} /StemV 80"
                    f" /FontFile2 {file} 0 R >>",
                ),
                self._stream(file, font_file, f" /Length1 {len(font_file)}"),
                self._stream(unicode, _to_unicode(used)),
            )
        )

    def _font_id(self, number: int) -> int:
        return _FIRST + _OF_FONT * number

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _object(self, number: int, body: str) -> bytes:
        return self._give_object(number, body.encode())

    def _stream(self, number: int, content: bytes, further: str = "") -> bytes:
        packed = zlib.compress(content)
        head = f"<< /Length {len(packed)} /Filter /FlateDecode{further} >>\nstream\n"
        return self._give_object(number, head.encode() + packed + b"\nendstream")

    def _give_object(self, number: int, body: bytes) -> bytes:
        self._offsets[number] = self._written
        return self._give(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    def _give(self, content: bytes) -> bytes:
        self._written += len(content)
        return content


def subset(face: Face, glyphs: Mapping[int, int]) -> bytes:
    """The font's file with these glyphs alone, which keep their numbers."""
    from fontTools import subset as fonts
    from fontTools.ttLib import TTFont

    options = fonts.Options(retain_gids=True, hinting=False, layout_features=[], name_IDs=[], notdef_outline=True)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "DSIG", "OS/2", "name", "post"]
    with TTFont(face.path) as font:
        subsetter = fonts.Subsetter(options)
        subsetter.populate(gids=sorted(glyphs))
        subsetter.subset(font)
        file = io.BytesIO()
        font.save(file)
    return file.getvalue()


def _to_unicode(glyphs: Mapping[int, int]) -> bytes:
    """What characters the glyphs stand for, so that text can be searched and copied."""
    lines = [f"<{glyph:04X}> <{chr(code).encode('utf-16-be').hex()}>" for glyph, code in sorted(glyphs.items())]
    blocks = (lines[start : start + 100] for start in range(0, len(lines), 100))
    maps = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Used def /CMapType 2 def\n"
        f"1 begincodespacerange <0000> <FFFF> endcodespacerange\n{maps}\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode()
