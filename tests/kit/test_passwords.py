"""Password hashes: passwords of any length, a salt each, a bounded number at once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Iterator

import pytest

from mystar.errors import TooMany
from mystar.kit.security.passwords import Passwords


@pytest.fixture
def hashing() -> Iterator[Passwords]:
    hashing = Passwords(cost=4, threads=1, waiting=3)
    yield hashing
    hashing.close()


@pytest.mark.parametrize("password", ["12345678", "пароль из сорока русских букв и более того", "x" * 1000, "\x00a"])
async def test_a_password_verifies_to_its_last_character(hashing: Passwords, password: str) -> None:
    stored = await hashing.hash(password)
    assert password not in stored
    assert await hashing.verify(password, stored)
    assert not await hashing.verify(password + "!", stored)
    assert not await hashing.verify(password[:-1], stored)
    assert stored != await hashing.hash(password), "every hash has its own salt"


@pytest.mark.parametrize("stored", [None, "", "plain", "$2b$04$short", "bcrypt-sha256$", "bcrypt-sha256$damaged"])
async def test_a_missing_or_damaged_hash_verifies_no_password(hashing: Passwords, stored: str | None) -> None:
    assert not await hashing.verify("not the password of any account", stored)


async def test_too_many_hashes_of_one_client_are_refused(hashing: Passwords) -> None:
    asked = (hashing.hash("12345678", client="192.0.2.1") for _ in range(10))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, str) for answer in answers) == 4
    assert sum(isinstance(answer, TooMany) for answer in answers) == 6
    assert await hashing.hash("12345678", client="192.0.2.1")


async def test_clients_are_served_in_turn(hashing: Passwords) -> None:
    served: list[str] = []

    async def ask(client: str) -> None:
        await hashing.hash("12345678", client=client)
        served.append(client)

    await asyncio.gather(*(ask("flood") for _ in range(4)), ask("other"))
    assert served.index("other") == 1, "behind the one that was running"


async def test_an_account_has_one_hash_at_a_time() -> None:
    hashing, running, most = Passwords(cost=4, threads=4), 0, 0

    def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.01)
        running -= 1

    await asyncio.gather(*(hashing._run(work, f"192.0.2.{n}", "account") for n in range(6)))
    assert most == 1
    await asyncio.gather(*(hashing._run(work, f"192.0.2.{n}", n) for n in range(6)))
    assert most > 1
    hashing.close()


async def test_a_refusal_takes_as_long_with_an_imported_hash(hashing: Passwords) -> None:
    """The reverse, a refusal in less time, would tell that the account exists."""
    assert hashing.refusal_seconds > 0, "from the first one on"
    cheap, dear = (f"pbkdf2_sha256${n}$seasalt${base64.b64encode(bytes(32)).decode()}" for n in (1000, 100_000))
    for stored in (dear, None, DJANGO, dear, cheap):
        began = time.perf_counter()
        assert not await hashing.verify("12345678", stored)
        assert time.perf_counter() - began >= 0.9 * hashing.refusal_seconds
    # Cheaper hashes of the same scheme do not shorten it.
    _, seconds = hashing._timed_check("12345678", dear)
    for _ in range(50):
        hashing._timed_check("12345678", cheap)
    assert hashing.refusal_seconds > 0.6 * seconds


async def test_a_cancelled_caller_frees_its_place(hashing: Passwords) -> None:
    tasks = [asyncio.ensure_future(hashing.hash("12345678")) for _ in range(4)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await hashing.hash("12345678")


DJANGO = "pbkdf2_sha256$1000$seasalt$Mds8EZ2Id9SF+EjRCzHWKMEgDDIwW1/fa6AyqrVfybs="


async def test_a_django_hash_verifies_and_needs_a_rehash(hashing: Passwords) -> None:
    made = hashlib.pbkdf2_hmac("sha256", "письмо-77".encode(), b"seasalt", 1000)
    stored = f"pbkdf2_sha256$1000$seasalt${base64.b64encode(made).decode()}"
    assert await hashing.verify("письмо-77", stored)
    assert not await hashing.verify("письмо-78", stored)
    assert hashing.needs_rehash(stored)
    assert not hashing.needs_rehash(await hashing.hash("12345678"))
    costlier = Passwords(cost=5)
    assert costlier.needs_rehash(await hashing.hash("12345678"))
    costlier.close()


@pytest.mark.parametrize(
    "stored",
    [
        DJANGO.replace("1000", "0"),
        DJANGO.replace("1000", "-1"),
        DJANGO.replace("1000", "3000001"),
        DJANGO.replace("1000", "9" * 5000),
        DJANGO.replace("1000", "١٠٠٠"),
        DJANGO.replace("seasalt", ""),
        DJANGO.replace("seasalt", "s" * 257),
        DJANGO.replace("seasalt$", "sea$salt$"),
        DJANGO.replace("sha256", "sha1"),
        DJANGO[:-4],
        DJANGO + "AAAA",
        DJANGO.replace("=", "!"),
        "pbkdf2_sha256$",
        "!",
    ],
)
async def test_a_hostile_hash_is_not_computed(hashing: Passwords, stored: str) -> None:
    assert hashing.reads(DJANGO)
    assert not hashing.reads(stored)
    assert not await hashing.verify("12345678", stored)


def test_the_name_of_the_scheme_is_part_of_the_hash() -> None:
    assert Passwords(cost=4)._dummy.startswith("bcrypt-sha256$$2b$04$")
