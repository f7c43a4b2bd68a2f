"""What somebody wrote about themselves is brought into its normal form before it becomes an account."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TypeVar

from mystar.accounts import password_rule
from mystar.accounts.credentials import InvalidCredential, normalize_email, normalize_phone, normalize_username
from mystar.accounts.model import Account, Draft
from mystar.errors import Invalid, Text

T = TypeVar("T")
Problems = dict[str, list[Text]]

_EARLIEST_BIRTH = date(1900, 1, 1)
_UNBORN = Text("Недопустимая дата рождения.", "Not a possible date of birth.")


def normalize_draft(draft: Draft, password: str | None, *, today: date) -> Draft:
    """The draft in normal forms. ``password`` None is not looked at.

    :raises Invalid: names every field that is wrong.
    """
    problems: Problems = {}
    tidy = replace(
        draft,
        username=_tried(problems, "username", normalize_username, draft.username) or "",
        email=_tried(problems, "email", normalize_email, draft.email) if draft.email else None,
        phone=_tried(problems, "phone", normalize_phone, draft.phone) if draft.phone else None,
    )
    if draft.birth_date and not _EARLIEST_BIRTH <= draft.birth_date <= today:
        problems["birth_date"] = [_UNBORN]
    if password is not None:
        wrong = password_rule.violations(password, username=draft.username, email=draft.email)
        problems.update({"password": wrong} if wrong else {})
    if problems:
        raise Invalid(fields=problems)
    return tidy


def require_birth_date(birth_date: date, *, today: date) -> None:
    """:raises Invalid: nobody alive was born then."""
    if not _EARLIEST_BIRTH <= birth_date <= today:
        raise Invalid(fields={"birth_date": [_UNBORN]})


def generate_username() -> str:
    """A user name for somebody who gave none: a name is shown to everybody, so it says nothing about an e-mail."""
    return f"person-{secrets.token_hex(5)}"


def normalize_field(field: str, tidy: Callable[[str], T | None], raw: str | None) -> T | None:
    """One field in its normal form, None for None. :raises Invalid: it has none."""
    problems: Problems = {}
    value = None if raw is None else _tried(problems, field, tidy, raw)
    if problems:
        raise Invalid(fields=problems)
    return value


def require_good_password(field: str, password: str, account: Account) -> None:
    """:raises Invalid: the account may not have this password; names the ``field`` it was written in."""
    if wrong := password_rule.violations(password, username=account.username, email=account.email):
        raise Invalid(fields={field: wrong})


def _tried(problems: Problems, field: str, tidy: Callable[[str], T | None], raw: str) -> T | None:
    try:
        return tidy(raw)
    except InvalidCredential as unfit:
        problems[field] = [unfit.text]
        return None
