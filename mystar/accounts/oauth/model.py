"""Identities at providers, the events about them, and the errors of sign-in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from mystar.errors import Conflict, Invalid, NotFound, Text, Unavailable


@dataclass(frozen=True, slots=True)
class Identity:
    """A linked sign-in. Both kinds of VK are "vk"."""

    id: int
    provider: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class IdentityLinked:
    """``before`` and ``after``: the providers that the account is linked with, as "vk, yandex"."""

    account_id: int
    provider: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class IdentityUnlinked:
    """As `IdentityLinked`."""

    account_id: int
    provider: str
    before: str
    after: str


#: Errors of a redirect that are the provider's own faults, and what an error looks like.
_PROVIDER_FAULTS = ("server_error", "temporarily_unavailable")
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")


class LastSignIn(Conflict):
    """The account has no password and no other linked sign-in, so this one cannot be removed."""

    code = "last_sign_in"
    text = Text(
        "Сначала задайте пароль: иначе войти будет нельзя.", "Set a password first: there would be no way to log in."
    )


class ProviderOff(NotFound):
    """The provider is not configured."""

    code = "provider_off"
    text = Text("Вход через этот сервис не настроен.", "Signing in through this service is not set up.")


class ProviderDown(Unavailable):
    """The provider does not answer in time, or its answer cannot be read."""

    code = "provider_unavailable"
    text = Text("Сервис входа не отвечает. Повторите позже.", "The sign-in service does not answer. Try again later.")


class ProviderFault(Unavailable):
    """The provider redirected with a fault of its own in place of a code; nothing is wrong with the person.

    ``reason``: the provider's own code, ``server_error`` or ``temporarily_unavailable``.
    """

    code = "provider_fault"
    text = Text(
        "Сбой на стороне сервиса входа ({reason}). Повторите позже.",
        "The sign-in service has a fault of its own ({reason}). Try again later.",
    )


class SignInRefused(Invalid):
    """Sign-in through a provider failed; subclasses say why."""

    code = "sign_in_refused"


class AttemptUnknown(SignInRefused):
    """No sign-in attempt of this browser with this provider is open: the state is forged, used, expired or
    another's.
    """

    code = "attempt_unknown"
    text = Text(
        "Попытка входа не найдена, устарела или уже завершена. Начните вход заново.",
        "The sign-in attempt is unknown, has expired or is over. Please start again.",
    )


class ProviderRefused(SignInRefused):
    """The provider refused the code.

    ``reason``: the provider's own code, such as ``invalid_grant``.
    """

    code = "provider_refused"
    text = Text("Сервис входа отказал: {reason}.", "The sign-in service refused: {reason}.")


class ProviderTokenRefused(SignInRefused):
    """The provider does not know the access token, or made it for another client."""

    code = "provider_token_refused"
    text = Text(
        "Сервис входа не подтвердил этот токен для нас.", "The sign-in service did not confirm this token for us."
    )


class NotRegistered(NotFound):
    """Log-in through a provider whose identity belongs to no account."""

    code = "not_registered"
    text = Text("Такой пользователь не зарегистрирован.", "No account uses this sign-in.")


class AlreadyRegistered(Conflict):
    """Registration through a provider whose identity belongs to an account already; log in instead."""

    code = "already_registered"
    text = Text("Вы уже зарегистрированы. Войдите.", "You are registered already. Please log in.")


class SignInFirst(Conflict):
    """The provider's e-mail belongs to an account that it must not open (D12)."""

    code = "sign_in_first"
    text = Text(
        "Пользователь с таким email уже существует. Войдите в свой аккаунт, подтвердите email и повторите.",
        "This e-mail already exists. Log in to your account, confirm the e-mail and try again.",
    )

    def __init__(self) -> None:
        super().__init__(fields={"email": [self.text]})


def refusal_of_redirect(error: str | None) -> ProviderFault | ProviderRefused:
    """Of a redirect without a code. :param error: the provider's code (RFC 6749, 4.1.2.1)."""
    if error in _PROVIDER_FAULTS:
        return ProviderFault(reason=error)
    return ProviderRefused(reason=error if error and _ERROR_CODE.fullmatch(error) else "no_code")
