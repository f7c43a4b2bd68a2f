"""Geometry of a bar chart over days, for an SVG template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 4, 36, 30
_TICKS, _LABELS = 4, 6


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    day: date
    value: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """A chart of `WIDTH` by `HEIGHT`.

    :param ticks: y and value of a grid line. :param labels: x of the middle of a bar, and its day.
    """

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, int], ...]
    labels: tuple[tuple[float, date], ...]
    left: float
    right: float
    bottom: float
    total: int


def build(values: Sequence[tuple[date, int]], unit: int = 1, left: int = _LEFT) -> BarChart:
    """One bar per day. Negative values, as on a day with more refunds than income, have a bar of height 0.

    :param unit: ticks are multiples of it. :param left: room for what is written at the ticks.
    """
    step = _step(max((value for _, value in values), default=0), unit)
    top = step * _TICKS
    place = (WIDTH - left - _RIGHT) / max(1, len(values))
    floor = HEIGHT - _BOTTOM

    def height(value: int) -> float:
        return round(max(0, value) / top * (floor - _TOP), 1)

    drawn = tuple(
        Bar(
            round(left + number * place + place * 0.15, 1),
            floor - height(value),
            round(place * 0.7, 1),
            height(value),
            day,
            value,
        )
        for number, (day, value) in enumerate(values)
    )
    every = max(1, math.ceil(len(values) / _LABELS))
    return BarChart(
        drawn,
        tuple((floor - height(step * number), step * number) for number in range(_TICKS + 1)),
        tuple((round(bar.x + bar.width / 2, 1), bar.day) for bar in drawn[every // 2 :: every]),
        left,
        WIDTH - _RIGHT,
        floor,
        sum(value for _, value in values),
    )


def _step(most: int, unit: int) -> int:
    """The distance of ticks: 1, 2, 5 or 10 times a power of ten of the unit, so that the highest bar fits."""
    wanted = max(1.0, most / unit / _TICKS)
    power = 10 ** math.floor(math.log10(wanted))
    factor = next(one for one in (1, 2, 5, 10) if one * power >= wanted)
    return int(factor * power) * unit
