"""Texts of mails and notifications: the built-in ones, and those in place of them. They have ``{placeholders}`` and no
other syntax.

A text that cannot be filled in never stops a mail: the built-in one is used, and it is logged and counted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
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
            "Mails and notifications that were made of the built-in text, as the own one is broken",
            ["name"],
            registry=registry,
        )

    def fill(
        self, name: str, built_in: Mapping[str, str], language: str, values: Mapping[str, Any]
    ) -> Mapping[str, str]:
        """The parts of a text with their values: of the one that holds, or of the built-in one, if that is broken.

        :raises LookupError: a value of the built-in text is missing.
        """
        return self._own(name, built_in, language, values) or {
            part: filled(text, values) for part, text in built_in.items()
        }

    def _own(
        self, name: str, needed: Mapping[str, str], language: str, values: Mapping[str, Any]
    ) -> dict[str, str] | None:
        own = self.current.get(name)
        if own is None:
            return None
        try:
            parts = own[language]
            return {part: filled(parts[part], values) for part in needed}
        except Exception as error:
            log.error("the text %s cannot be filled in, the built-in one is used: %r", name, error)
            self._broken.labels(name).inc()
            return None


@cache
def built_in_mails() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """The parts of every built-in mail by language, by name.

    ``templates/mail/<name>.<language>.txt``: lines ``Subject: …`` and, where there is a button, ``Button: …``; an empty
    line; the body.
    """
    found: dict[str, dict[str, Mapping[str, str]]] = {}
    folder = resources.files("mystar") / "templates" / "mail"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        name, _, rest = file.name.partition(".")
        language, _, ending = rest.partition(".")
        if ending == "txt":
            found.setdefault(name, {})[language] = _parts(file.read_text(encoding="utf-8"))
    return found


def _parts(source: str) -> Mapping[str, str]:
    head, _, body = source.partition("\n\n")
    lines = (line.partition(": ") for line in head.splitlines())
    return {**{name.lower(): text for name, _, text in lines}, "body": body.strip()}
