"""Injected failures, reproducible by their seed.

Every fault draws from its own random stream, seeded by the seed and the fault's name. So switching one on does not
change the others, and the n-th call has the same outcome in every run.
"""

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

Reader = Callable[[Any], Any]


class BadFaults(Exception):
    """The settings cannot be read. `fields` maps the offending keys ("smtp.temporary") to what is wrong with them."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(", ".join(f"{name}: {reason}" for name, reason in fields.items()))
        self.fields = fields


class Faults:
    """What fails now. Everything is off until it is set; setting replaces all of it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.set({})

    def set(self, settings: Any) -> None:
        """Raises BadFaults and changes nothing when a key is unknown or its value is not allowed."""
        self._current = _read(settings, RULES)
        self._streams: dict[str, random.Random] = {}

    def as_json(self) -> dict[str, Any]:
        return self._current

    def __getitem__(self, name: str) -> Any:
        """The setting called "webhook_lost" or, inside a group, "smtp.temporary"."""
        value: Any = self._current
        for part in name.split("."):
            value = value[part]
        return value

    def strikes(self, name: str, probability: float | None = None) -> bool:
        """Whether the fault happens this time. Its probability is its setting, unless given."""
        chance: float = self[name] if probability is None else probability
        return chance > 0 and self._stream(name).random() < chance

    def seconds(self, name: str, low: float, high: float) -> float:
        return low if low == high else self._stream(name).uniform(low, high)

    def _stream(self, name: str) -> random.Random:
        return self._streams.setdefault(name, random.Random(f"{self._current['seed']}:{name}"))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a number")
    return float(value)


def _probability(value: Any) -> float:
    if not 0 <= (chance := _number(value)) <= 1:
        raise ValueError("must be between 0 and 1")
    return chance


def _seconds(value: Any) -> float:
    if not 0 <= (seconds := _number(value)) <= 3600:
        raise ValueError("must be between 0 and 3600 seconds")
    return seconds


def _span(value: Any) -> list[float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("must be [shortest, longest]")
    shortest, longest = (_seconds(part) for part in value)
    if shortest > longest:
        raise ValueError("must be [shortest, longest]")
    return [shortest, longest]


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be an integer")
    return value


def _count(value: Any) -> int:
    if not 0 <= (count := _integer(value)) <= 100:
        raise ValueError("must be between 0 and 100")
    return count


def _parameter(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError("must be the name of a parameter, or empty")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


# What may be set: the default, and how a value is read. A mapping is a group of its own.
RULES: Mapping[str, Any] = {
    "seed": (0, _integer),
    "delay_seconds": ([0.0, 0.0], _span),
    "error_before_work": (0.0, _probability),
    "error_after_work": (0.0, _probability),
    "hang_after_work": {"probability": (0.0, _probability), "seconds": (0.0, _seconds)},
    "down": (False, _switch),
    # The parameter that every new payment is refused for; empty refuses none.
    "refuse_payments": ("", _parameter),
    "refunds": {"pending": (0.0, _probability), "insufficient_funds": (0.0, _probability)},
    # A payout stays pending for so long; held, it ends by a request to the sandbox.
    "payouts": {"pending_seconds": (0.0, _seconds), "hold": (False, _switch), "canceled": (0.0, _probability)},
    "receipts": {"pending": (0.0, _probability), "canceled": (0.0, _probability)},
    "webhook_duplicates": (0, _count),
    "webhook_shuffle_seconds": (0.0, _seconds),
    "webhook_lost": (0.0, _probability),
    "smtp": {
        "delay_seconds": (0.0, _seconds),
        "temporary": (0.0, _probability),
        "permanent": (0.0, _probability),
        "lost_answer": (0.0, _probability),
        "down": (False, _switch),
    },
}


def _read(settings: Any, rules: Mapping[str, Any]) -> dict[str, Any]:
    wrong: dict[str, str] = {}
    read = _read_group(settings, rules, "", wrong)
    if wrong:
        raise BadFaults(wrong)
    return read


def _read_group(settings: Any, rules: Mapping[str, Any], prefix: str, wrong: dict[str, str]) -> dict[str, Any]:
    if not isinstance(settings, Mapping):
        wrong[prefix.rstrip(".") or "body"] = "must be an object"
        return {}
    wrong.update({f"{prefix}{name}": "unknown" for name in settings if name not in rules})
    read: dict[str, Any] = {}
    for name, rule in rules.items():
        if isinstance(rule, Mapping):
            read[name] = _read_group(settings.get(name, {}), rule, f"{prefix}{name}.", wrong)
            continue
        default, reader = rule
        try:
            read[name] = reader(settings[name]) if name in settings else default
        except ValueError as error:
            wrong[f"{prefix}{name}"] = str(error)
    return read
