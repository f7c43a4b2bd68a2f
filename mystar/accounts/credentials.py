"""The normal forms of user names, e-mails and phones, by which the database keeps people apart (D9, D10).

What is stored is as people wrote it, tidied; what is compared is its key. A user name never looks like an e-mail or a
phone, so whatever somebody types to log in can be one thing only.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from mystar.errors import Text

USERNAME_LONGEST = 150

#: Nothing shorter is anybody's number in full, so shorter rows of digits may be names.
_SHORTEST_PHONE = 7
_PHONE_SHAPE = re.compile(r"\+?[\d\s().-]+")
#: Control, invisible, unassigned and private characters, line and paragraph ends: they make two names look like one.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class InvalidCredential(ValueError):
    """A value that cannot be what it should be; ``text`` says why."""

    def __init__(self, ru: str, en: str) -> None:
        self.text = Text(ru, en)
        super().__init__(en)


def key_of(text: str) -> str:
    """What two spellings of one name have in common: compatibility forms, case and spaces do not count."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def normalize_username(raw: str) -> str:
    """:raises Unfit: empty, too long, with invisible characters, or like an e-mail or a phone."""
    name = " ".join(unicodedata.normalize("NFC", raw).split())
    key = key_of(name)
    if not key:
        raise InvalidCredential("Это поле не может быть пустым.", "This field may not be blank.")
    if len(name) > USERNAME_LONGEST or len(key) > 2 * USERNAME_LONGEST:
        raise InvalidCredential(
            f"Не длиннее {USERNAME_LONGEST} символов.", f"Longer than maximum length {USERNAME_LONGEST}."
        )
    if any(unicodedata.category(character) in _UNSEEN for character in name):
        raise InvalidCredential("Недопустимые символы.", "Contains characters that are not allowed.")
    if "@" in key or _looks_like_phone(key):
        raise InvalidCredential(
            "Имя не должно быть похоже на email или номер телефона.", "A name must not look like an e-mail or a phone."
        )
    return name


def normalize_email(raw: str) -> str:
    """The address with its domain in lower case and readable letters. Whether anybody lives there is not asked.

    :raises Unfit: not an address that every mail server can write to.
    """
    try:
        return validate_email(raw.strip(), check_deliverability=False, allow_smtputf8=False).normalized
    except EmailNotValidError as error:
        raise InvalidCredential("Введите правильный адрес электронной почты.", "Not a valid email address.") from error


def normalize_phone(raw: str) -> str | None:
    """E.164; None for ``0`` and nothing (D10).

    Ten digits are Russian without their +7, eleven that begin with 8 Russian with the domestic prefix, others are
    complete. A number that begins with + is taken as it is. Being possible is enough, nobody is called.

    :raises Unfit: no possible number.
    """
    text = unicodedata.normalize("NFKC", raw).strip()
    digits = re.sub(r"\D", "", text, flags=re.ASCII)
    if not text.strip("0"):
        return None
    if not text.startswith("+"):
        if len(digits) == 10:
            digits = "7" + digits
        elif len(digits) == 11 and digits.startswith("8"):
            digits = "7" + digits[1:]
    stored = _e164(f"+{digits}") if _looks_like_phone(text) else None
    # The library drops a domestic zero, or some of several: what it would read otherwise the next time is no number.
    if stored is None or not _looks_like_phone(stored) or _e164(stored) != stored:
        raise InvalidCredential("Введите правильный номер телефона.", "Not a valid phone number.")
    return stored


def _e164(number: str) -> str | None:
    """The number as it is stored; None for an impossible one."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    is_possible = phonenumbers.is_possible_number(parsed)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if is_possible else None


def national_number(phone: str | None) -> int:
    """What greetings show: "+79161234567" → 9161234567, and 0 for none."""
    return phonenumbers.parse(phone, None).national_number or 0 if phone else 0


@dataclass(frozen=True, slots=True)
class Credential:
    """Who wants to log in, by the one key that is not None."""

    username_key: str | None = None
    email_key: str | None = None
    phone: str | None = None


def credential_of(raw: str) -> Credential:
    """What somebody typed to log in: an e-mail, a phone or a user name. Nonsense becomes a key that nobody has."""
    key = key_of(raw)
    if "@" in key:
        try:
            return Credential(email_key=key_of(normalize_email(raw)))
        except InvalidCredential:
            return Credential(email_key=key)
    if _looks_like_phone(key):
        try:
            return Credential(phone=normalize_phone(raw) or key)
        except InvalidCredential:
            return Credential(phone=key)
    return Credential(username_key=key)


def _looks_like_phone(text: str) -> bool:
    return bool(_PHONE_SHAPE.fullmatch(text)) and sum(map(str.isdigit, text)) >= _SHORTEST_PHONE
