"""Whose account a provider's person opens (D12): one decision, without a look at the world."""

from __future__ import annotations

from dataclasses import dataclass

from mystar.accounts.oauth.model import AlreadyRegistered, NotRegistered, SignInFirst
from mystar.errors import MystarError


@dataclass(frozen=True, slots=True)
class EmailOwner:
    """The account that has the person's e-mail."""

    account_id: int
    is_verified: bool


@dataclass(frozen=True, slots=True)
class LinkingContext:
    """What is known about somebody whom a provider has named.

    :param registering: they ask for an account; otherwise only to be let into theirs.
    :param linked: the account that signs in as this person already.
    :param vouched: the provider answers for the e-mail. What a caller wrote into a body never counts.
    :param holder: who has that e-mail here, vouched for or not.
    :param actor: the account that the asking client is signed in to.
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
    """Let this account be entered by this person from now on, and enter it."""

    account_id: int


@dataclass(frozen=True, slots=True)
class Create:
    """``verified``: the new account's e-mail needs no confirmation."""

    verified: bool


@dataclass(frozen=True, slots=True)
class Refuse:
    error: type[MystarError]


Decision = LogIn | Link | Create | Refuse


def decide(context: LinkingContext) -> Decision:
    """The first rule that fits."""
    if context.linked is not None:
        is_theirs = not context.registering or context.linked == context.actor
        return LogIn(context.linked) if is_theirs else Refuse(AlreadyRegistered)
    if context.registering and context.actor is not None:
        # Whoever is signed in may add a way in, whatever e-mail the provider knows.
        return Link(context.actor)
    if context.email_owner and context.email_verified and context.email_owner.is_verified:
        # Both sides have seen the same mailbox. An unverified holder may be a stranger who waits for the owner to come.
        return Link(context.email_owner.account_id)
    if not context.registering:
        return Refuse(NotRegistered)
    return Refuse(SignInFirst) if context.email_owner else Create(verified=context.email_verified)
