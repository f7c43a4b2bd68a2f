"""What a mail about orders, offers and money says besides its text, and the letter that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from mystar.errors import Text
from mystar.kit.moments import moment_text
from mystar.kit.money import format_rubles
from mystar.kit.outbox.letters import Block, Letter
from mystar.kit.outbox.mail import unlinked
from mystar.kit.outbox.texts import TextStore
from mystar.notifications.mail_texts import BUTTONS, MAIL_TEXTS, SENTENCES

SUM, REASON = Text("Сумма", "Sum"), Text("Причина", "Reason")
FOR_WHOM, WISH, DUE = Text("Для кого", "For whom"), Text("Пожелание", "Wish"), Text("Срок", "Due date")
TERM, INCLUDED = Text("Срок работы", "Term"), Text("Что входит", "What is included")
_DAYS = Text("{days} дн. после принятия", "{days} days after the acceptance")


@dataclass(slots=True)
class MailContent:
    """What a mail says besides its `MailText`. ``values`` fill the texts, ``facts`` come in their order.

    :param sentences: names of `SENTENCES` that follow the text.
    :param link: of the button; empty = no button. :param button: one of `BUTTONS`, instead of the words of the text.
    """

    values: dict[str, Any]
    facts: list[tuple[Text, Any]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    link: str = ""
    button: str = ""
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads a mail, and how."""

    username: str
    language: str
    zone: tzinfo


def written(name: str, content: MailContent, reading: Reading, texts: TextStore) -> Letter:
    """The mail ``name`` of `MAIL_TEXTS`. :param texts: those in place of the built-in ones."""
    mail_text, language = MAIL_TEXTS[name], reading.language
    values = {key: _in(value, language) for key, value in content.values.items()}
    values |= {"username": unlinked(reading.username)}
    facts = [(label.in_(language), _in(value, language)) for label, value in content.facts if value]
    if mail_text.deadline is not None and content.deadline is not None:
        facts.append((mail_text.deadline.in_(language), moment_text(content.deadline, language, reading.zone)))
    built_in = {part: getattr(mail_text, part).in_(language) for part in ("subject", "text", "action")}
    own = texts.fill(f"notice.{name}", built_in, language, values)
    further = [sentence(one, language, values, texts) for one in content.sentences]
    paragraphs = [sentence("greeting", language, values, texts), *own["text"].split("\n\n"), *further]
    blocks = [Block("text", one.strip()) for one in paragraphs if one.strip()]
    blocks += [Block("facts", facts=facts)] if facts else []
    blocks += [Block("button", content.link)] if content.link else []
    action = button(content.button, language, texts) if content.button else own["action"]
    return Letter(one_line(own["subject"]), blocks, action)


def sentence(name: str, language: str, values: Mapping[str, Any], texts: TextStore) -> str:
    """One of `SENTENCES`, with its values."""
    return texts.fill(f"sentence.{name}", {"text": SENTENCES[name].in_(language)}, language, values)["text"]


def button(name: str, language: str, texts: TextStore) -> str:
    return texts.fill(f"button.{name}", {"action": BUTTONS[name].in_(language)}, language, {})["action"]


def _in(value: Any, language: str) -> Any:
    return value.in_(language) if isinstance(value, Text) else value


def one_line(text: str, longest: int = 150) -> str:
    """For a subject: names may hold line breaks, and may be long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def rubles(amount: int) -> Text:
    """Kopecks in words."""
    return Text(format_rubles(amount, "ru"), format_rubles(amount, "en"))


def days_text(days: int) -> Text:
    return Text(*(_DAYS.in_(language, days=days) for language in ("ru", "en")))
