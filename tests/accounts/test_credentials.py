"""Normal forms: what counts as the same name, e-mail or phone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mystar.accounts.credentials import (
    Credential,
    InvalidCredential,
    credential_of,
    email_key,
    key_of,
    national_number,
    normalize_email,
    normalize_phone,
    normalize_username,
)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("9787896546", "+79787896546"),
        ("87077776655", "+77077776655"),
        ("79991234567", "+79991234567"),
        ("8 (916) 123-45-67", "+79161234567"),
        ("+7 916 123 45 67", "+79161234567"),
        ("９１６１２３４５６７", "+79161234567"),
        ("+81 3 1234 5678", "+81312345678"),
        ("8-10-375-29-1234567", "+375291234567"),
        ("8 10 44 20 7946 0958", "+442079460958"),
        ("+44 20 7946 0958", "+442079460958"),
        ("0", None),
        ("", None),
        ("  ", None),
        ("0000000000", None),
    ],
)
def test_a_phone_is_stored_as_e164(written: str, stored: str | None) -> None:
    assert normalize_phone(written) == stored


@pytest.mark.parametrize(
    "written",
    ["123", "+", "abc", "8916abc4567", "99999999999999999999", "+0", "1-2-3", "4300000", "43008193", "٩١٦١٢٣٤٥٦٧"],
)
def test_an_impossible_phone_is_refused(written: str) -> None:
    with pytest.raises(InvalidCredential):
        normalize_phone(written)


@given(st.text(alphabet="+0123456789() -", max_size=20))
def test_a_stored_phone_stays_as_it_is(written: str) -> None:
    try:
        stored = normalize_phone(written)
    except InvalidCredential:
        return
    assert stored is None or normalize_phone(stored) == stored


def test_the_national_number_is_a_number_and_zero_for_none() -> None:
    assert national_number("+79161583866") == 9161583866
    assert national_number(None) == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [("Basta", "bASTA"), ("Баста", "БАСТА"), ("straße", "STRASSE"), ("Ｂasta", "Basta"), ("a  b", " a b ")],
)
def test_case_width_and_spaces_do_not_make_another_name(one: str, other: str) -> None:
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize(
    "written",
    ["", "   ", "olga@example.com", "olga@", "89161234567", "+7 916 123-45-67", "ol\u200bga", "ol\x00ga", "x" * 151],
)
def test_a_user_name_is_visible_and_resembles_no_other_credential(written: str) -> None:
    with pytest.raises(InvalidCredential):
        normalize_username(written)


@pytest.mark.parametrize("written", ["Баста", "olga", "Окимирон 2", "50 Cent", "50", "O'Hara-Петрова", "ёлка_1"])
def test_ordinary_names_are_kept_as_written(written: str) -> None:
    assert normalize_username(written) == written


def test_an_email_keeps_its_local_part_and_loses_the_case_of_its_domain() -> None:
    assert normalize_email(" Nile@Example.COM ") == "Nile@example.com"
    assert normalize_email("nile@xn--e1aybc.xn--p1ai") == "nile@тест.рф"


@pytest.mark.parametrize(
    "written", ["nile", "nile@localhost", "a b@example.com", "@example.com", "nile@example", "x@[::1]"]
)
def test_undeliverable_addresses_are_refused(written: str) -> None:
    with pytest.raises(InvalidCredential):
        normalize_email(written)


@pytest.mark.parametrize(("one", "other"), [("u@faß.example", "u@fass.example"), ("u@κόσμος.gr", "u@κόσμοσ.gr")])
def test_domains_that_case_folding_would_join_are_different_mailboxes(one: str, other: str) -> None:
    assert email_key(normalize_email(one)) != email_key(normalize_email(other))


def test_a_domain_in_ascii_is_the_same_mailbox() -> None:
    assert email_key(normalize_email("U@xn--fa-hia.example")) == email_key(normalize_email("u@faß.example"))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("NILE@example.com", Credential(email_key="nile@example.com")),
        ("nile@", Credential(email_key="nile@")),
        ("8 916 123-45-67", Credential(phone="+79161234567")),
        ("1234567", Credential(phone="1234567")),
        (" Баста ", Credential(username_key="баста")),
        ("50", Credential(username_key="50")),
    ],
)
def test_the_log_in_field_is_read_as_one_kind(typed: str, meant: Credential) -> None:
    assert credential_of(typed) == meant


@given(st.text(max_size=60))
def test_every_valid_user_name_can_log_in(written: str) -> None:
    try:
        name = normalize_username(written)
    except InvalidCredential:
        return
    assert credential_of(name) == Credential(username_key=key_of(name))
    assert credential_of(written) == Credential(username_key=key_of(name))
