"""Every case of the linking decision (D12)."""

from __future__ import annotations

import itertools

import pytest

from mystar.accounts.model import AlreadyRegistered, NotRegistered, SignInFirst
from mystar.accounts.oauth.linking import Create, Decision, Enter, Holder, Link, Question, Refuse, decide

ME, OTHER = 7, 9
VERIFIED, UNVERIFIED = Holder(OTHER, True), Holder(OTHER, False)
UNKNOWN, KNOWN, FIRST = Refuse(NotRegistered), Refuse(AlreadyRegistered), Refuse(SignInFirst)

#: linked, vouched, holder: what a log-in leads to, what a registration does.
CASES: list[tuple[int | None, bool, Holder | None, Decision, Decision]] = [
    (None, False, None, UNKNOWN, Create(verified=False)),
    (None, True, None, UNKNOWN, Create(verified=True)),
    (None, False, UNVERIFIED, UNKNOWN, FIRST),
    (None, False, VERIFIED, UNKNOWN, FIRST),
    (None, True, UNVERIFIED, UNKNOWN, FIRST),
    (None, True, VERIFIED, Link(OTHER), Link(OTHER)),
    (OTHER, False, None, Enter(OTHER), KNOWN),
    (OTHER, True, None, Enter(OTHER), KNOWN),
    (OTHER, False, UNVERIFIED, Enter(OTHER), KNOWN),
    (OTHER, False, VERIFIED, Enter(OTHER), KNOWN),
    (OTHER, True, UNVERIFIED, Enter(OTHER), KNOWN),
    (OTHER, True, VERIFIED, Enter(OTHER), KNOWN),
    # Linked to one account, while another has the e-mail: who somebody is at the provider decides, not the mailbox.
    (ME, True, VERIFIED, Enter(ME), KNOWN),
    (ME, True, UNVERIFIED, Enter(ME), KNOWN),
]


@pytest.mark.parametrize(("linked", "vouched", "holder", "login", "registration"), CASES)
def test_a_guest(
    linked: int | None, vouched: bool, holder: Holder | None, login: Decision, registration: Decision
) -> None:
    assert decide(Question(False, linked, vouched, holder)) == login
    assert decide(Question(True, linked, vouched, holder)) == registration


@pytest.mark.parametrize("vouched", [False, True])
@pytest.mark.parametrize("holder", [None, UNVERIFIED, VERIFIED, Holder(ME, True)])
def test_somebody_who_is_signed_in_adds_a_way_into_their_own_account_whatever_the_email(
    vouched: bool, holder: Holder | None
) -> None:
    assert decide(Question(True, None, vouched, holder, actor=ME)) == Link(ME)
    assert decide(Question(True, ME, vouched, holder, actor=ME)) == Enter(ME)
    assert decide(Question(True, OTHER, vouched, holder, actor=ME)) == KNOWN


def test_nothing_but_a_vouched_and_verified_mailbox_opens_an_account_that_was_not_linked() -> None:
    for registering, vouched, holder in itertools.product((False, True), (False, True), (None, UNVERIFIED, VERIFIED)):
        decision = decide(Question(registering, None, vouched, holder))
        opens = isinstance(decision, Enter | Link)
        assert opens == (vouched and holder is VERIFIED)
