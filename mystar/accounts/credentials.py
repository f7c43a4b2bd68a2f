"""Normal forms of user names, e-mails and phones, which the database compares (D9, D10).

The value is stored normalized but readable; its key is compared. A user name never looks like an e-mail or a phone, so
the text of a log-in form can mean one of the three only.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from mystar.errors import Text

USERNAME_MAX_LENGTH = 150

#: A complete phone number has at least this many digits; shorter rows of digits may be user names.
_SHORTEST_PHONE = 7
_PHONE_SHAPE = re.compile(r"\+?[\d\s().-]+")
#: Control, invisible, unassigned and private characters, line and paragraph ends: they make two names look the same.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
#: Blank letters and signs: the Hangul fillers, Khmer inherent vowels and the empty Braille pattern.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5\u2800")
#: Combining marks in a row: more stand over and under other lines. Living scripts need fewer.
_MAX_MARKS = 3


class InvalidCredential(ValueError):
    """The value is not a user name, an e-mail or a phone; ``text`` says why."""

    def __init__(self, ru: str, en: str) -> None:
        self.text = Text(ru, en)
        super().__init__(en)


def key_of(text: str) -> str:
    """The comparison key: compatibility forms, case and repeated spaces are ignored."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def email_key(email: str) -> str:
    """The comparison key of a normalized address. Its domain is compared as IDNA 2008 writes it.

    Case folding would turn ß and ς into letters of other domains, which belong to other people.
    """
    local, at, domain = email.rpartition("@")
    return key_of(local) + at + domain


def normalize_username(raw: str) -> str:
    """:raises Unfit: empty, too long, with invisible characters, or like an e-mail or a phone."""
    name = " ".join(unicodedata.normalize("NFC", raw).split())
    key = key_of(name)
    if not key:
        raise InvalidCredential("Это поле не может быть пустым.", "This field may not be blank.")
    if len(name) > USERNAME_MAX_LENGTH or len(key) > 2 * USERNAME_MAX_LENGTH:
        raise InvalidCredential(
            f"Не длиннее {USERNAME_MAX_LENGTH} символов.", f"Longer than maximum length {USERNAME_MAX_LENGTH}."
        )
    _require_visible(name)
    if "@" in key or _looks_like_phone(key):
        raise InvalidCredential(
            "Имя не должно быть похоже на email или номер телефона.", "A name must not look like an e-mail or a phone."
        )
    return name


def normalize_name(raw: str) -> str:
    """A first or last name. Empty = none.

    :raises InvalidCredential: invisible characters, stacked marks, or neither a letter nor a digit.
    """
    name = " ".join(unicodedata.normalize("NFC", raw).split())
    if name:
        _require_visible(name)
    return name


def usable_name(raw: str) -> str:
    """The name of a provider's profile; empty if it cannot be used."""
    try:
        return normalize_name(raw)
    except InvalidCredential:
        return ""


def _require_visible(name: str) -> None:
    categories = [unicodedata.category(character) for character in name]
    marks = "".join("m" if category in ("Mn", "Me") else " " for category in categories)
    if _UNSEEN.intersection(categories) or _BLANKS.intersection(name) or "m" * (_MAX_MARKS + 1) in marks:
        raise InvalidCredential("Недопустимые символы.", "Contains characters that are not allowed.")
    if not any(category[0] in "LN" for category in categories):
        raise InvalidCredential("Нужна хотя бы одна буква или цифра.", "At least one letter or digit is needed.")


def normalize_email(raw: str) -> str:
    """The address with its domain in lower case and in Unicode. Its existence is not checked.

    :raises Unfit: not an address that every mail server can write to.
    """
    try:
        return validate_email(raw.strip(), check_deliverability=False, allow_smtputf8=False).normalized
    except EmailNotValidError as error:
        raise InvalidCredential("Введите правильный адрес электронной почты.", "Not a valid email address.") from error


def normalize_phone(raw: str) -> str | None:
    """E.164; None for ``0`` and nothing (D10).

    Ten digits are a Russian number without +7, eleven that begin with 8 a Russian number with the domestic prefix, and
    8 10 is the prefix of international numbers; other numbers are complete. A number that begins with + is taken as it
    is. It has to be possible, not in service.

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
        elif len(digits) > 11 and digits.startswith("810"):
            digits = digits[3:]
    stored = _e164(f"+{digits}") if _looks_like_phone(text) else None
    # The library may drop domestic zeros; a number that it would parse differently the next time is refused.
    if stored is None or not _looks_like_phone(stored) or _e164(stored) != stored:
        raise InvalidCredential("Введите правильный номер телефона.", "Not a valid phone number.")
    return stored


def _e164(number: str) -> str | None:
    """The number in E.164; None for an impossible one."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    is_possible = phonenumbers.is_possible_number(parsed)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if is_possible else None


def national_number(phone: str | None) -> int:
    """The national number, as the greetings dialect shows it: "+79161234567" → 9161234567; 0 for none."""
    return phonenumbers.parse(phone, None).national_number or 0 if phone else 0


@dataclass(frozen=True, slots=True)
class Credential:
    """What an account is looked up by; exactly one key is not None."""

    username_key: str | None = None
    email_key: str | None = None
    phone: str | None = None


def credential_of(raw: str) -> Credential:
    """Reads the log-in field: an e-mail, a phone or a user name. Invalid text becomes a key that matches no account."""
    key = key_of(raw)
    if "@" in key:
        try:
            return Credential(email_key=email_key(normalize_email(raw)))
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
