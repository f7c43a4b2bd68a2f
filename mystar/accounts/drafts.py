"""Validates and normalizes the data of a new account."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TypeVar

from mystar.accounts import password_rule
from mystar.accounts.credentials import (
    InvalidCredential,
    normalize_email,
    normalize_name,
    normalize_phone,
    normalize_username,
)
from mystar.accounts.model import Account, AccountDraft
from mystar.errors import Invalid, Text
from mystar.kit.security.breached import BreachedPasswords

_LEAKED = Text(
    "Этот пароль есть в известных утечках. Придумайте другой.", "This password is known from a leak. Choose another."
)
T = TypeVar("T")
Problems = dict[str, list[Text]]

_EARLIEST_BIRTH = date(1900, 1, 1)
_IMPOSSIBLE_BIRTH_DATE = Text("Недопустимая дата рождения.", "Not a possible date of birth.")


def normalize_draft(draft: AccountDraft, password: str | None, *, today: date) -> AccountDraft:
    """The draft in normal forms. A ``password`` of None is not checked.

    :raises Invalid: names every wrong field.
    """
    problems: Problems = {}
    normal = replace(
        draft,
        username=_tried(problems, "username", normalize_username, draft.username) or "",
        email=_tried(problems, "email", normalize_email, draft.email) if draft.email else None,
        phone=_tried(problems, "phone", normalize_phone, draft.phone) if draft.phone else None,
        first_name=_tried(problems, "first_name", normalize_name, draft.first_name) or "",
        last_name=_tried(problems, "last_name", normalize_name, draft.last_name) or "",
    )
    if draft.birth_date and not _EARLIEST_BIRTH <= draft.birth_date <= today:
        problems["birth_date"] = [_IMPOSSIBLE_BIRTH_DATE]
    if password is not None:
        wrong = password_rule.violations(password, username=draft.username, email=draft.email)
        problems.update({"password": wrong} if wrong else {})
    if problems:
        raise Invalid(fields=problems)
    return normal


def require_birth_date(birth_date: date, *, today: date) -> None:
    """:raises Invalid: before 1900, or in the future."""
    if not _EARLIEST_BIRTH <= birth_date <= today:
        raise Invalid(fields={"birth_date": [_IMPOSSIBLE_BIRTH_DATE]})


def generate_username() -> str:
    """A random user name. It is public, so it is not derived from the e-mail."""
    return f"person-{secrets.token_hex(5)}"


def normalize_field(field: str, normalize: Callable[[str], T | None], raw: str | None) -> T | None:
    """One field in its normal form; None for None. :raises Invalid: the field."""
    problems: Problems = {}
    value = None if raw is None else _tried(problems, field, normalize, raw)
    if problems:
        raise Invalid(fields=problems)
    return value


def require_good_password(field: str, password: str, account: Account) -> None:
    """:raises Invalid: the password rule refuses it; names ``field``."""
    if violations := password_rule.violations(password, username=account.username, email=account.email):
        raise Invalid(fields={field: violations})


async def require_unleaked_password(field: str, password: str, leaked: BreachedPasswords) -> None:
    """:raises Invalid: the password is known from a leak."""
    if await leaked.contains(password):
        raise Invalid(fields={field: [_LEAKED]})


def _tried(problems: Problems, field: str, normalize: Callable[[str], T | None], raw: str) -> T | None:
    try:
        return normalize(raw)
    except InvalidCredential as error:
        problems[field] = [error.text]
        return None
