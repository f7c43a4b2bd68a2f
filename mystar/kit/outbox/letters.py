"""Letters: the content of a mail, from which its plain text and its HTML are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from mystar.kit.web.templates import environment

_ITEM = "- "
_UNSUBSCRIBE = {"ru": "Не хотите получать такие письма", "en": "No more mails like this"}
_UNSUBSCRIBE_LINK = {"ru": "Не получать такие письма", "en": "No more mails like this"}


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph: words, a list, a table of facts, or the button, whose text is its link."""

    kind: Literal["text", "list", "facts", "button"]
    text: str = ""
    facts: Sequence[tuple[str, Any]] = ()

    @property
    def lines(self) -> list[str]:
        """The items of a list."""
        return [line.removeprefix(_ITEM) for line in self.text.splitlines()]


class Letter(NamedTuple):
    """``action``: on the button, of which there is one at most."""

    subject: str
    blocks: Sequence[Block]
    action: str = ""


def letter_of(parts: Mapping[str, str], link: str) -> Letter:
    """The letter of a filled text. An empty line separates paragraphs; one that is the link is the button, and one
    whose lines begin with "- " is a list.
    """
    return Letter(_line(parts["subject"]), list(_blocks(parts["body"], link)), parts.get("button", ""))


def _blocks(body: str, link: str) -> Iterator[Block]:
    for part in body.replace("\r\n", "\n").split("\n\n"):
        if not (text := part.strip()):
            continue
        is_list = all(line.startswith(_ITEM) for line in text.splitlines())
        yield Block("button" if text == link else "list" if is_list else "text", text)


def items(lines: Sequence[str]) -> str:
    """A list, as a value of a text."""
    return "\n".join(f"{_ITEM}{_line(line)}" for line in lines)


def plain(letter: Letter, language: str, brand: str, unsubscribe: str = "") -> str:
    """The plain text. What is on the button stands before its link, unless the sentence before leads to it."""
    written: list[str] = []
    for block in letter.blocks:
        if block.kind == "facts":
            text = "\n".join(f"{label}: {value}" for label, value in block.facts)
        elif block.kind == "button" and not (written and written[-1].endswith(":")):
            text = f"{letter.action}: {block.text}"
        else:
            text = block.text
        written += [text] if text else []
    written += [brand, *([f"{_UNSUBSCRIBE[language]}: {unsubscribe}"] if unsubscribe else ())]
    return "\n\n".join(written) + "\n"


def html(letter: Letter, language: str, brand: str, unsubscribe: str = "") -> str:
    return (
        environment()
        .get_template("mail/letter.html")
        .render(
            language=language,
            brand=brand,
            unsubscribe=unsubscribe,
            unsubscribe_words=_UNSUBSCRIBE_LINK[language],
            **letter._asdict(),
        )
    )


def _line(text: str) -> str:
    """Names may hold line breaks."""
    return " ".join(text.split())
