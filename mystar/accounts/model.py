"""Accounts, actors and sessions, the events they publish, and the errors they raise."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from mystar.errors import Conflict, Forbidden, Invalid, NotFound, Text, Unauthenticated

#: The dialect that a session was opened through; it decides the lifetimes of the tokens (D5).
Channel = Literal["market", "greetings", "messenger", "studio", "identity", "admin"]
Language = Literal["ru", "en"]
Role = Literal["viewer", "operator", "owner"]


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The client of a request that is not authenticated yet. ``language`` is used for mails.

    ``device`` and ``remembered`` are cookies: of a known device, of a passed second factor. ``token`` is not verified.
    """

    address: str = ""
    user_agent: str = ""
    language: Language = "ru"
    device: str = ""
    token: str | None = None
    remembered: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """The authenticated account of a request (D1): from the token, never from an id in a body.

    ``pending_role``: the role of a member of the staff who has to set up a second factor first; ``role`` is None then.
    """

    id: int
    session_id: uuid.UUID
    username: str
    role: Role | None = None
    pending_role: Role | None = None

    @property
    def is_staff(self) -> bool:
        """Any member of the staff: viewer, operator or owner."""
        return self.role is not None

    @property
    def may_operate(self) -> bool:
        """Staff who may change things."""
        return self.role in ("operator", "owner")

    def acts_as_staff(self) -> bool:
        """Like `is_staff`, where nothing but the role decides. :raises StaffFactorNeeded: the role is pending."""
        if self.pending_role is not None:
            raise StaffFactorNeeded
        return self.is_staff

    def require_staff(self) -> None:
        """:raises Forbidden: not a member of the staff. :raises StaffFactorNeeded: the role is pending."""
        if not self.acts_as_staff():
            raise Forbidden

    def require_operator(self) -> None:
        """:raises Forbidden: not a member of the staff, or one who may only look.
        :raises StaffFactorNeeded: the role is pending.
        """
        self.require_staff()
        if not self.may_operate:
            raise Forbidden


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """The data of a new account."""

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
    """``phone`` is in E.164, ``avatar_key`` the path below ``/media/``; None where missing.
    ``bio`` is the messenger's description, ``status`` its status line, ``channel`` where it was registered.
    """

    id: int
    username: str
    email: str | None
    phone: str | None
    first_name: str
    last_name: str
    bio: str
    location: str
    status: str
    birth_date: date | None
    avatar_id: int | None
    avatar_key: str | None
    language: Language
    role: Role | None
    channel: Channel
    is_active: bool
    email_verified_at: datetime | None
    created_at: datetime
    updated_at: datetime
    #: When a provider or the staff vouched for the phone.
    phone_verified_at: datetime | None = None
    #: Since when the account is nothing but a number.
    erased_at: datetime | None = None
    has_second_factor: bool = False
    time_zone: str | None = None  # of moments in mails; None = the installation's

    @property
    def is_verified(self) -> bool:
        """Whether the e-mail is confirmed (D14)."""
        return self.email_verified_at is not None

    @property
    def greeting_name(self) -> str:
        """For mails: empty before the e-mail is confirmed, as it may be a stranger's, and a name can hold a link."""
        return self.username if self.is_verified else ""

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class NewSession:
    """A new session with its access token and, in channels that have one, a refresh token.

    ``device`` is the signed value of the device cookie, ``trusted`` that of a browser that need not repeat its second
    factor, empty for others.
    """

    account: Account
    session_id: uuid.UUID
    access: str
    refresh: str | None
    device: str
    trusted: str = ""


@dataclass(frozen=True, slots=True)
class RefreshedTokens:
    """A new access token, and a new refresh token if it was rotated."""

    account_id: int
    email: str | None
    access: str
    refresh: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """An active session, as its account sees it. ``refreshed_at`` None: not refreshed yet."""

    id: uuid.UUID
    channel: Channel
    created_at: datetime
    refreshed_at: datetime | None
    expires_at: datetime
    user_agent: str
    address: str


@dataclass(frozen=True, slots=True)
class EmailConfirmation:
    """The result of a confirmation link. ``session`` is None when the link was used before."""

    account: Account
    session: NewSession | None


@dataclass(frozen=True, slots=True)
class MailedToken:
    """A mailed link as it is stored."""

    account_id: int
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountRegistered:
    """``as_creator``: a creator profile was requested with the account."""

    account_id: int
    as_creator: bool = False


@dataclass(frozen=True, slots=True)
class EmailConfirmed:
    account_id: int


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """The public part of an account has changed: its names, or whether it is active."""

    account_id: int


@dataclass(frozen=True, slots=True)
class FieldChanged:
    """A user name, name, e-mail, phone, date of birth, place, language or time zone was changed; "" for none."""

    account_id: int
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ContactChangeUndone:
    """The owner of the previous e-mail has undone a change of e-mail or phone."""

    account_id: int
    field: str


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """``how``: "password_changed" with the old password, "password_reset" by a mailed link or the operator."""

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
    """None: not a member of the staff."""

    account_id: int
    before: Role | None
    after: Role | None


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A session was opened, by whichever way of signing in. ``factor``: the second one, if it was asked for."""

    account_id: int
    session_id: uuid.UUID
    channel: Channel
    factor: str = ""


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
    """A factory of the error that names the fields, as the map of constraints needs it."""
    unique = Text("Это поле должно быть уникально.", "This field must be unique.")
    return lambda: Taken(fields={name: [unique] for name in fields})


class TooYoung(Invalid):
    """Younger than 18 at the registration or in the profile of a dialect for adults (D34); not about one field."""

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


class StaffFactorNeeded(Forbidden):
    """Staff without a second factor, where `[security] staff_second_factor` wants one: it has to be set up first."""

    code = "second_factor_setup_required"
    text = Text(
        "Сотрудникам нужен второй фактор: добавьте его, чтобы продолжить.",
        "Staff need a second factor: set one up to go on.",
    )


class ReauthenticationNeeded(Forbidden):
    """A sensitive action without the password, in a session in which neither it nor a second factor was given within
    ten minutes.
    """

    code = "reauthentication_needed"
    text = Text("Укажите пароль или войдите ещё раз.", "Give the password, or sign in again.")


class ReauthenticationFailed(Invalid):
    """The password, code or passkey that confirms a sensitive action is wrong."""

    code = "reauthentication_failed"
    text = Text("Пароль указан неверно.", "The password is wrong.")

    def __init__(self, field: str = "password") -> None:
        text = self.text if field == "password" else _NOT_ACCEPTED
        super().__init__(fields={field: [text]})


_NOT_ACCEPTED = Text("Код или ключ доступа не подошёл.", "The code or the passkey was not accepted.")


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
