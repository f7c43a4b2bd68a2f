"""Every case of the linking decision (D12)."""

from __future__ import annotations

import itertools

import pytest

from mystar.accounts.oauth.linking import Create, Decision, EmailOwner, Link, LinkingContext, LogIn, Refuse, decide
from mystar.accounts.oauth.model import AlreadyRegistered, NotRegistered, SignInFirst

ME, OTHER = 7, 9
VERIFIED, UNVERIFIED = EmailOwner(OTHER, True), EmailOwner(OTHER, False)
UNKNOWN, KNOWN, FIRST = Refuse(NotRegistered), Refuse(AlreadyRegistered), Refuse(SignInFirst)

#: linked, email_verified, email_owner: what a log-in leads to, what a registration does.
CASES: list[tuple[int | None, bool, EmailOwner | None, Decision, Decision]] = [
    (None, False, None, UNKNOWN, Create(verified=False)),
    (None, True, None, UNKNOWN, Create(verified=True)),
    (None, False, UNVERIFIED, UNKNOWN, FIRST),
    (None, False, VERIFIED, UNKNOWN, FIRST),
    (None, True, UNVERIFIED, UNKNOWN, FIRST),
    (None, True, VERIFIED, Link(OTHER), Link(OTHER)),
    (OTHER, False, None, LogIn(OTHER), KNOWN),
    (OTHER, True, None, LogIn(OTHER), KNOWN),
    (OTHER, False, UNVERIFIED, LogIn(OTHER), KNOWN),
    (OTHER, False, VERIFIED, LogIn(OTHER), KNOWN),
    (OTHER, True, UNVERIFIED, LogIn(OTHER), KNOWN),
    (OTHER, True, VERIFIED, LogIn(OTHER), KNOWN),
    # Linked to one account, while another has the e-mail: the identity decides, not the e-mail.
    (ME, True, VERIFIED, LogIn(ME), KNOWN),
    (ME, True, UNVERIFIED, LogIn(ME), KNOWN),
]


@pytest.mark.parametrize(("linked", "email_verified", "email_owner", "login", "registration"), CASES)
def test_decisions_for_a_guest_follow_the_table(
    linked: int | None, email_verified: bool, email_owner: EmailOwner | None, login: Decision, registration: Decision
) -> None:
    assert decide(LinkingContext(False, linked, email_verified, email_owner)) == login
    assert decide(LinkingContext(True, linked, email_verified, email_owner)) == registration


@pytest.mark.parametrize("email_verified", [False, True])
@pytest.mark.parametrize("email_owner", [None, UNVERIFIED, VERIFIED, EmailOwner(ME, True)])
def test_a_logged_in_account_links_an_identity_whatever_its_email(
    email_verified: bool, email_owner: EmailOwner | None
) -> None:
    assert decide(LinkingContext(True, None, email_verified, email_owner, actor=ME)) == Link(ME)
    assert decide(LinkingContext(True, ME, email_verified, email_owner, actor=ME)) == LogIn(ME)
    assert decide(LinkingContext(True, OTHER, email_verified, email_owner, actor=ME)) == KNOWN


def test_only_a_verified_email_on_both_sides_opens_an_account_without_a_link() -> None:
    for registering, email_verified, email_owner in itertools.product(
        (False, True), (False, True), (None, UNVERIFIED, VERIFIED)
    ):
        decision = decide(LinkingContext(registering, None, email_verified, email_owner))
        opens = isinstance(decision, LogIn | Link)
        assert opens == (email_verified and email_owner is VERIFIED)
