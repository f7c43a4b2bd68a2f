"""Which account an identity at a provider belongs to (D12): a pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from mystar.accounts.oauth.model import AlreadyRegistered, NotRegistered, SignInFirst
from mystar.errors import MystarError


@dataclass(frozen=True, slots=True)
class EmailOwner:
    """The account that has the e-mail of the profile."""

    account_id: int
    is_verified: bool


@dataclass(frozen=True, slots=True)
class LinkingContext:
    """What is known about an identity.

    :param registering: an account may be created; otherwise this is a log-in only.
    :param linked: the account that the identity is linked to.
    :param email_verified: the provider vouches for the e-mail. An e-mail from a request body is never verified.
    :param email_owner: the account with that e-mail.
    :param actor: the account that the client is logged in to.
    """

    registering: bool
    linked: int | None = None
    email_verified: bool = False
    email_owner: EmailOwner | None = None
    actor: int | None = None


@dataclass(frozen=True, slots=True)
class LogIn:
    account_id: int


@dataclass(frozen=True, slots=True)
class Link:
    """Link the identity to the account, and log in."""

    account_id: int


@dataclass(frozen=True, slots=True)
class Create:
    """``verified``: the e-mail of the new account needs no confirmation."""

    verified: bool


@dataclass(frozen=True, slots=True)
class Refuse:
    error: type[MystarError]


Decision = LogIn | Link | Create | Refuse


def decide(context: LinkingContext) -> Decision:
    """The first rule that applies."""
    if context.linked is not None:
        is_theirs = not context.registering or context.linked == context.actor
        return LogIn(context.linked) if is_theirs else Refuse(AlreadyRegistered)
    if context.registering and context.actor is not None:
        # A logged-in account may add an identity, whatever its e-mail.
        return Link(context.actor)
    if context.email_owner and context.email_verified and context.email_owner.is_verified:
        # Both sides have verified the same e-mail. An unconfirmed owner may be a stranger waiting for the real one.
        return Link(context.email_owner.account_id)
    if not context.registering:
        return Refuse(NotRegistered)
    return Refuse(SignInFirst) if context.email_owner else Create(verified=context.email_verified)
