"""Which passwords pass (D11, promise S3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mystar.accounts.password_rule import is_common, violations

COMMON = """
    password password1 Password1! P@ssw0rd 12345678 123456789 1234567890 87654321 qwerty123 qwertyuiop 1qaz2wsx 1q2w3e4r
    11111111 abcabcabc iloveyou iloveyou1 admin123 mystar123 mystarmystar МойПароль gfhjkm123
    пароль123 йцукен123 qwerty12345 asdfghjkl zxcvbnm123 football1 trustno1 superman sunshine princess abcd1234 aaaaaaaa
    baseball q1w2e3r4t5y6 11223344 00000000 25081990 qazwsxedc letmein1 welcome1 monkey123 dragon123 1234qwer
    password123
    test1234 changeme 12341234 любовь123 k.,jdm123 mystar2026 звезда2026
"""
GOOD = """
    Greeting-for-Mum-77 kT9#vLq2 Зимний-лес-42 тихая-река-88 correcthorse Nebo!Golubi7 purple-elephant-7 x7Kp2mQv
    🦊🦊кот🦊🦊дом
"""


@pytest.mark.parametrize("password", COMMON.split())
def test_common_passwords_are_refused(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize("password", GOOD.split())
def test_uncommon_passwords_are_accepted(password: str) -> None:
    assert violations(password, username="olga", email="olga@example.com") == []


@pytest.mark.parametrize("length", [0, 7, 129, 1000])
def test_too_short_and_too_long_passwords_are_refused(length: int) -> None:
    password = ("kT9#vLq2" * 200)[:length]
    assert violations(password, username="olga", email=None)


def test_8_and_128_characters_of_any_alphabet_are_accepted() -> None:
    for password in ("kT9#vLq2", ("Ж9#vЛq2-" * 16)):
        assert violations(password, username="olga", email=None) == []


@pytest.mark.parametrize(
    "password", ["Night-Walker-7", "NIGHT-walker-7", "walker.night-7@Example.com", "walker.night-7"]
)
def test_the_user_name_and_the_email_are_refused(password: str) -> None:
    assert violations(password, username="night-walker-7", email="walker.night-7@example.com")


@given(st.text(max_size=128))
def test_any_text_can_be_checked(password: str) -> None:
    assert isinstance(violations(password, username="olga", email=None), list)
