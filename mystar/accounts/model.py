"""People: what an account is, who is asking, what happens to them and what can be refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from mystar.errors import Conflict, Forbidden, Invalid, NotFound, Text, Unauthenticated

#: The dialect that somebody signs in through; it decides how long the tokens live (D5).
Channel = Literal["market", "greetings", "messenger", "studio", "identity", "admin"]
Language = Literal["ru", "en"]
Role = Literal["viewer", "operator", "owner"]


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """Whoever stands at a door before we know them. ``language`` is that of their mails.

    ``device`` and ``token``: what they carry from an earlier visit, unchecked.
    """

    address: str = ""
    user_agent: str = ""
    language: Language = "ru"
    device: str = ""
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking (D1): always the account of the token, never an id from a body."""

    id: int
    session_id: uuid.UUID
    username: str
    role: Role | None = None

    @property
    def is_staff(self) -> bool:
        """Any member of the staff: viewer, operator or owner."""
        return self.role is not None

    @property
    def may_operate(self) -> bool:
        """Staff who may change things."""
        return self.role in ("operator", "owner")

    def require_staff(self) -> None:
        """:raises Forbidden: not a member of the staff."""
        if not self.is_staff:
            raise Forbidden

    def require_operator(self) -> None:
        """:raises Forbidden: not a member of the staff, or one who may only look."""
        if not self.may_operate:
            raise Forbidden


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody writes about themselves to become an account."""

    username: str
    email: str | None = None
    phone: str | None = None
    birth_date: date | None = None
    first_name: str = ""
    last_name: str = ""
    bio: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """A person. ``phone`` is E.164, ``avatar_key`` the path behind ``/media/``; None where there is none.

    ``bio`` is what the messenger calls a description; ``status`` a few words of the moment.
    """

    id: int
    username: str
    email: str | None
    phone: str | None
    first_name: str
    last_name: str
    bio: str
    status: str
    birth_date: date | None
    avatar_id: int | None
    avatar_key: str | None
    language: Language
    role: Role | None
    is_active: bool
    email_verified_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_verified(self) -> bool:
        """Whether the person has shown that the e-mail is theirs (D14)."""
        return self.email_verified_at is not None

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class Person:
    """What anybody may know about somebody."""

    id: int
    username: str
    first_name: str
    last_name: str
    avatar_key: str | None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A new session: its account, an access token and, at doors that have one, a refresh token.

    ``device`` is a signed mark by which the browser is known at its next log-in.
    """

    account: Account
    session_id: uuid.UUID
    access: str
    refresh: str | None
    device: str


@dataclass(frozen=True, slots=True)
class RefreshedTokens:
    """A new access token, and a new refresh token if one was asked for."""

    account_id: int
    email: str | None
    access: str
    refresh: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """A living session, as its person sees it. ``refreshed_at`` None: no new access token was asked for yet."""

    id: uuid.UUID
    channel: Channel
    created_at: datetime
    refreshed_at: datetime | None
    expires_at: datetime
    user_agent: str
    address: str


@dataclass(frozen=True, slots=True)
class EmailConfirmation:
    """A followed confirmation link. ``session`` is None when the link had done its work before."""

    account: Account
    session: NewSession | None


@dataclass(frozen=True, slots=True)
class MailedToken:
    """A mailed link as it is stored: whose it is and whether it still works."""

    account_id: int
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountRegistered:
    account_id: int


@dataclass(frozen=True, slots=True)
class EmailConfirmed:
    account_id: int


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """What others show of somebody is new: the names, or whether the person is let in at all."""

    account_id: int


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """``how``: "password_changed" by whoever knew the old one, "password_reset" by a mailed link or the operator."""

    account_id: int
    how: str


@dataclass(frozen=True, slots=True)
class AccountBlocked:
    account_id: int


@dataclass(frozen=True, slots=True)
class AccountUnblocked:
    account_id: int


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """None: no member of the staff."""

    account_id: int
    before: Role | None
    after: Role | None


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """Somebody has signed in at a door, whichever way."""

    account_id: int
    session_id: uuid.UUID
    channel: Channel


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """``session_id`` None: all sessions of the account."""

    account_id: int
    session_id: uuid.UUID | None
    reason: str


class Taken(Conflict):
    """Another account has this user name, e-mail or phone (D9, D13).

    ``fields``: which.
    """

    code = "taken"
    text = Text("Такие данные уже заняты.", "This is already taken.")


def taken(*fields: str) -> Callable[[], Taken]:
    """Makes the refusal that names the fields; a maker, since the database wrapper asks for one."""
    unique = Text("Это поле должно быть уникально.", "This field must be unique.")
    return lambda: Taken(fields={name: [unique] for name in fields})


class TooYoung(Invalid):
    """Younger than 18 at the registration or in the profile of a dialect for adults (D34). Speaks of the whole,
    not of a field.
    """

    code = "too_young"
    text = Text("Чтобы зарегистрироваться вам должно быть 18 лет", "You must be 18 years old to register")

    def __init__(self) -> None:
        super().__init__(fields={"": [self.text]})


class LoginRefused(Unauthenticated):
    """A failed log-in: an unknown account, a wrong password or a blocked account, which look the same (D13).

    ``account_id``: for the audit log; never shown.
    """

    code = "login_refused"
    text = Text("Неверный логин или пароль.", "Wrong log-in or password.")

    def __init__(self, account_id: int | None = None) -> None:
        super().__init__()
        self.account_id = account_id


class PersonUnknown(NotFound):
    """The account does not exist."""

    code = "person_unknown"
    text = Text("Такого пользователя нет.", "There is no such person.")


class ConfirmLinkUnknown(NotFound):
    """The token of a confirmation link is unknown or was used."""

    code = "confirm_link_unknown"
    text = Text("Ссылка недействительна или уже использована.", "The link is invalid or has been used already.")


class ConfirmLinkExpired(NotFound):
    """The mailed confirmation link is too old."""

    code = "confirm_link_expired"
    text = Text("Срок действия ссылки истёк.", "The link has expired.")


class ResetLinkUnknown(NotFound):
    """The token of a reset link is unknown or was used."""

    code = "reset_link_unknown"
    text = Text("Ссылка недействительна или уже использована.", "The link is invalid or has been used already.")


class ResetLinkExpired(NotFound):
    """The mailed reset link is too old."""

    code = "reset_link_expired"
    text = Text("Срок действия ссылки истёк. Запросите новую.", "The link has expired. Please ask for a new one.")


class PasswordWrong(Invalid):
    """The old password, which a change asks for, is wrong."""

    code = "password_wrong"
    text = Text("Старый пароль указан неверно.", "The old password is wrong.")

    def __init__(self) -> None:
        super().__init__(fields={"old_password": [self.text]})


class NotYourself(Forbidden):
    """An account blocks itself."""

    code = "not_yourself"
    text = Text("Нельзя заблокировать самого себя.", "You cannot block yourself.")
