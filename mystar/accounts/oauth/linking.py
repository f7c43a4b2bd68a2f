"""Whose account a provider's person opens (D12): one decision, without a look at the world."""

from __future__ import annotations

from dataclasses import dataclass

from mystar.accounts.model import AlreadyRegistered, NotRegistered, SignInFirst
from mystar.errors import MystarError


@dataclass(frozen=True, slots=True)
class Holder:
    """The account that has the person's e-mail."""

    account_id: int
    is_verified: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What is known about somebody whom a provider has named.

    :param registering: they ask for an account; otherwise only to be let into theirs.
    :param linked: the account that signs in as this person already.
    :param vouched: the provider answers for the e-mail. What a caller wrote into a body never counts.
    :param holder: who has that e-mail here, vouched for or not.
    :param actor: the account that the asking client is signed in to.
    """

    registering: bool
    linked: int | None = None
    vouched: bool = False
    holder: Holder | None = None
    actor: int | None = None


@dataclass(frozen=True, slots=True)
class Enter:
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


Decision = Enter | Link | Create | Refuse


def decide(asked: Question) -> Decision:
    """The first rule that fits."""
    if asked.linked is not None:
        is_theirs = not asked.registering or asked.linked == asked.actor
        return Enter(asked.linked) if is_theirs else Refuse(AlreadyRegistered)
    if asked.registering and asked.actor is not None:
        # Whoever is signed in may add a way in, whatever e-mail the provider knows.
        return Link(asked.actor)
    if asked.holder and asked.vouched and asked.holder.is_verified:
        # Both sides have seen the same mailbox. An unverified holder may be a stranger who waits for the owner to come.
        return Link(asked.holder.account_id)
    if not asked.registering:
        return Refuse(NotRegistered)
    return Refuse(SignInFirst) if asked.holder else Create(verified=asked.vouched)
