"""Texts of mails in place of the built-in ones. They have ``{placeholders}`` and no other syntax.

A text that cannot be filled in never stops a mail: the built-in one is used, and it is logged and counted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

from prometheus_client import CollectorRegistry, Counter

log = logging.getLogger(__name__)

#: The text by part, by language, by name.
Texts = Mapping[str, Mapping[str, Mapping[str, str]]]
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_formatter = Formatter()


def placeholders(text: str) -> set[str]:
    """:raises ValueError: a brace is not closed, or there is more in it than a name."""
    found = set()
    for _, name, form, conversion in _formatter.parse(text):
        if name is None:
            continue
        if not _NAME.fullmatch(name) or form or conversion:
            raise ValueError(name or "{}")
        found.add(name)
    return found


def filled(text: str, values: Mapping[str, Any]) -> str:
    """The text with its values; a comma before an empty one goes, too. :raises ValueError: :raises LookupError:"""
    for name in placeholders(text):
        if values[name] in (None, ""):
            text = re.sub(rf",?[ ]?\{{{name}\}}", "", text)
    return _formatter.vformat(text, (), values)


class TextStore:
    """The texts that hold now, in memory."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.current: Texts = {}
        self._broken = Counter(
            "mystar_broken_texts",
            "Mails that were made of the built-in text, as the own one is broken",
            ["name"],
            registry=registry,
        )

    def fill(self, name: str, language: str, values: Mapping[str, Any], *needed: str) -> dict[str, str] | None:
        """The parts of a text with their values; None: the built-in text holds, or this one is broken.

        :param needed: parts that it must have.
        """
        own = self.current.get(name)
        if own is None:
            return None
        try:
            parts = own[language]
            return {part: filled(parts[part], values) for part in needed}
        except Exception as error:
            log.error("the text %s cannot be filled in, the built-in one is sent: %r", name, error)
            self._broken.labels(name).inc()
            return None
