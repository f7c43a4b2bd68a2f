"""Draws portraits of invented people and an emblem for every category, free of rights.

Everything is drawn three times as large and scaled down, which is how Pillow gets smooth edges. There are no letters:
the font that comes with Pillow knows no Cyrillic, and no other is sure to be installed.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin

from PIL import Image, ImageColor, ImageDraw, ImageFilter

#: Pixels; pictures are square.
SIDE = 512
_TIMES = 3
_DRAWN = _TIMES * SIDE
_MEDIA_TYPE = "JPEG"

Draw = ImageDraw.ImageDraw
Colour = str


@dataclass(frozen=True, slots=True)
class PortraitLook:
    """What a portrait looks like. ``hair`` is one of `HAIRSTYLES`; the background fades from ``top`` to ``bottom``."""

    top: Colour
    bottom: Colour
    skin: Colour
    hair_colour: Colour
    clothes: Colour
    hair: str
    glasses: bool = False
    beard: bool = False


def portrait(look: PortraitLook) -> Image.Image:
    """Head and shoulders before a gradient, RGB."""
    picture = _backdrop(look.top, look.bottom)
    draw = ImageDraw.Draw(picture)
    behind, before = HAIRSTYLES[look.hair]
    shade = _darker(look.skin, 0.86)
    if behind:
        behind(draw, look.hair_colour)
    _rounded(draw, 0.16, 0.74, 0.84, 1.30, 0.22, look.clothes)
    _rounded(draw, 0.41, 0.58, 0.59, 0.80, 0.09, shade)
    for ear in (0.315, 0.685):
        _disc(draw, ear, 0.45, 0.05, shade)
    _ellipse(draw, 0.32, 0.20, 0.68, 0.68, look.skin)
    if look.beard:
        draw.pieslice(_box(0.32, 0.24, 0.68, 0.69), 10, 170, fill=look.hair_colour)
        _ellipse(draw, 0.35, 0.34, 0.65, 0.575, look.skin)
    _face(draw, look)
    before(draw, look.hair_colour)
    return picture.reduce(_TIMES)


def emblem(name: str, top: Colour, bottom: Colour) -> Image.Image:
    """One of `EMBLEMS` in white before a gradient, RGB."""
    picture = _backdrop(top, bottom)
    EMBLEMS[name](ImageDraw.Draw(picture), _mixed(top, bottom))
    return picture.reduce(_TIMES)


def jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, _MEDIA_TYPE, quality=88, optimize=True)
    return file.getvalue()


# Parts of a portrait. Coordinates are fractions of the picture's side.


def _face(draw: Draw, look: PortraitLook) -> None:
    ink = "#2b2233"
    for eye in (0.425, 0.575):
        _disc(draw, eye, 0.445, 0.020, ink)
        _disc(draw, eye + 0.006, 0.438, 0.006, "#ffffff")
        _stroke(draw, [(eye - 0.035, 0.395), (eye, 0.382), (eye + 0.035, 0.395)], 0.013, _darker(look.hair_colour, 0.8))
        _disc(draw, 0.5 + (eye - 0.5) * 1.4, 0.525, 0.030, _mixed(look.skin, "#ff6b6b", 0.22))
    _stroke(draw, [(0.5, 0.465), (0.512, 0.51), (0.495, 0.517)], 0.011, _darker(look.skin, 0.75))
    draw.chord(_box(0.445, 0.515, 0.555, 0.605), 8, 172, fill="#ffffff", outline="#b5525c", width=_px(0.007))
    if look.glasses:
        for eye in (0.425, 0.575):
            draw.ellipse(_box(eye - 0.062, 0.385, eye + 0.062, 0.507), outline=ink, width=_px(0.011))
        _stroke(draw, [(0.487, 0.44), (0.513, 0.44)], 0.011, ink)


def _fringe(draw: Draw, colour: Colour) -> None:
    draw.chord(_box(0.30, 0.15, 0.70, 0.62), 190, 350, fill=colour)


def _swept(draw: Draw, colour: Colour) -> None:
    draw.chord(_box(0.312, 0.17, 0.688, 0.62), 205, 335, fill=colour)


def _short(draw: Draw, colour: Colour) -> None:
    draw.pieslice(_box(0.305, 0.155, 0.695, 0.60), 195, 345, fill=colour)
    _rounded(draw, 0.33, 0.16, 0.67, 0.31, 0.08, colour)


def _parted(draw: Draw, colour: Colour) -> None:
    draw.chord(_box(0.295, 0.14, 0.66, 0.60), 160, 318, fill=colour)
    draw.chord(_box(0.40, 0.15, 0.705, 0.56), 225, 20, fill=colour)


def _spikes(draw: Draw, colour: Colour) -> None:
    tips = [(0.30, 0.38), (0.27, 0.20), (0.37, 0.23), (0.40, 0.08), (0.48, 0.19), (0.56, 0.06), (0.61, 0.20)]
    tips += [(0.73, 0.16), (0.70, 0.38), (0.60, 0.29), (0.50, 0.27), (0.40, 0.29)]
    draw.polygon([_at(x, y) for x, y in tips], fill=colour)


def _curls(draw: Draw, colour: Colour) -> None:
    for step in range(11):
        angle = pi + pi * step / 10
        _disc(draw, 0.5 + 0.19 * cos(angle), 0.36 + 0.18 * sin(angle), 0.072, colour)


def _cloud(draw: Draw, colour: Colour) -> None:
    for step in range(16):
        angle = pi * 0.78 + pi * 1.44 * step / 15
        _disc(draw, 0.5 + 0.22 * cos(angle), 0.40 + 0.22 * sin(angle), 0.088, colour)


def _long(draw: Draw, colour: Colour) -> None:
    _rounded(draw, 0.255, 0.14, 0.745, 0.88, 0.24, colour)


def _bun(draw: Draw, colour: Colour) -> None:
    _disc(draw, 0.5, 0.135, 0.095, colour)


def _bob(draw: Draw, colour: Colour) -> None:
    _rounded(draw, 0.27, 0.14, 0.73, 0.64, 0.20, colour)


def _hat(draw: Draw, colour: Colour) -> None:
    draw.pieslice(_box(0.31, 0.08, 0.69, 0.52), 180, 360, fill=colour)
    _rounded(draw, 0.23, 0.275, 0.77, 0.325, 0.025, _darker(colour, 0.75))


Hair = Callable[[Draw, Colour], None]
#: What hangs behind the head, if anything, and what lies on it.
HAIRSTYLES: dict[str, tuple[Hair | None, Hair]] = {
    "long": (_long, _fringe),
    "bob": (_bob, _fringe),
    "bun": (_bun, _swept),
    "cloud": (_cloud, _fringe),
    "short": (None, _short),
    "parted": (None, _parted),
    "spikes": (None, _spikes),
    "curls": (None, _curls),
    "hat": (None, _hat),
}


# Emblems. ``through`` is the colour that shows where the white has a hole.


def _note(draw: Draw, through: Colour) -> None:
    for x in (0.36, 0.66):
        draw.ellipse(_box(x - 0.11, 0.62, x + 0.07, 0.76), fill="#ffffff")
        _stroke(draw, [(x + 0.05, 0.69), (x + 0.05, 0.30)], 0.04, "#ffffff")
    draw.polygon([_at(0.39, 0.24), _at(0.73, 0.20), _at(0.73, 0.33), _at(0.39, 0.37)], fill="#ffffff")


def _film(draw: Draw, through: Colour) -> None:
    _rounded(draw, 0.20, 0.28, 0.80, 0.72, 0.05, "#ffffff")
    for step in range(6):
        x = 0.245 + step * 0.094
        for y in (0.31, 0.645):
            _rounded(draw, x, y, x + 0.045, y + 0.045, 0.01, through)
    draw.polygon([_at(0.44, 0.40), _at(0.60, 0.50), _at(0.44, 0.60)], fill=through)


def _ball(draw: Draw, through: Colour) -> None:
    _disc(draw, 0.5, 0.5, 0.29, "#ffffff")
    draw.regular_polygon((*_at(0.5, 0.5), _px(0.11)), 5, fill=through)
    for step in range(5):
        angle = -pi / 2 + step * 2 * pi / 5
        _stroke(draw, [(0.5 + r * cos(angle), 0.5 + r * sin(angle)) for r in (0.10, 0.21)], 0.018, through)
        draw.regular_polygon((*_at(0.5 + 0.255 * cos(angle), 0.5 + 0.255 * sin(angle)), _px(0.055)), 5, fill=through)


def _smile(draw: Draw, through: Colour) -> None:
    _disc(draw, 0.5, 0.5, 0.29, "#ffffff")
    for x in (0.40, 0.60):
        _disc(draw, x, 0.43, 0.035, through)
    draw.chord(_box(0.35, 0.38, 0.65, 0.68), 10, 170, fill=through)


def _heart(draw: Draw, through: Colour) -> None:
    for x in (0.385, 0.615):
        _disc(draw, x, 0.42, 0.14, "#ffffff")
    draw.polygon([_at(0.262, 0.485), _at(0.738, 0.485), _at(0.5, 0.76)], fill="#ffffff")
    _rounded(draw, 0.40, 0.38, 0.60, 0.52, 0.05, "#ffffff")


def _planet(draw: Draw, through: Colour) -> None:
    _disc(draw, 0.5, 0.5, 0.20, "#ffffff")
    draw.arc(_box(0.16, 0.41, 0.84, 0.61), 0, 180, fill=through, width=_px(0.075))
    draw.arc(_box(0.16, 0.41, 0.84, 0.61), -35, 215, fill="#ffffff", width=_px(0.035))
    for x, y in ((0.24, 0.26), (0.74, 0.24), (0.80, 0.74), (0.27, 0.76)):
        _disc(draw, x, y, 0.016, "#ffffff")


EMBLEMS: dict[str, Callable[[Draw, Colour], None]] = {
    "note": _note,
    "film": _film,
    "ball": _ball,
    "smile": _smile,
    "heart": _heart,
    "planet": _planet,
}


# The pen.


@lru_cache(maxsize=1)
def _glow() -> Image.Image:
    """A soft light behind the head."""
    small = Image.new("L", (128, 128))
    ImageDraw.Draw(small).ellipse((22, 14, 106, 98), fill=110)
    return small.filter(ImageFilter.GaussianBlur(16)).resize((SIDE, SIDE))


def _backdrop(top: Colour, bottom: Colour) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((SIDE, SIDE))
    picture = Image.composite(_plain(bottom), _plain(top), ramp)
    picture.paste(_plain("#ffffff"), mask=_glow())
    return picture.resize((_DRAWN, _DRAWN), Image.Resampling.NEAREST)


def _plain(colour: Colour) -> Image.Image:
    return Image.new("RGB", (SIDE, SIDE), colour)


def _px(fraction: float) -> int:
    return round(fraction * _DRAWN)


def _at(x: float, y: float) -> tuple[int, int]:
    return _px(x), _px(y)


def _box(left: float, top: float, right: float, bottom: float) -> tuple[int, int, int, int]:
    return _px(left), _px(top), _px(right), _px(bottom)


def _ellipse(draw: Draw, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
    draw.ellipse(_box(left, top, right, bottom), fill=colour)


def _disc(draw: Draw, x: float, y: float, radius: float, colour: Colour) -> None:
    _ellipse(draw, x - radius, y - radius, x + radius, y + radius, colour)


def _rounded(draw: Draw, left: float, top: float, right: float, bottom: float, radius: float, colour: Colour) -> None:
    draw.rounded_rectangle(_box(left, top, right, bottom), _px(radius), fill=colour)


def _stroke(draw: Draw, points: list[tuple[float, float]], width: float, colour: Colour) -> None:
    draw.line([_at(x, y) for x, y in points], fill=colour, width=_px(width), joint="curve")


def _mixed(one: Colour, other: Colour, share: float = 0.5) -> Colour:
    """``share`` of the other colour in the one."""
    parts = zip(ImageColor.getrgb(one)[:3], ImageColor.getrgb(other)[:3], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


def _darker(colour: Colour, share: float) -> Colour:
    return _mixed("#000000", colour, share)
