"""Verifies Django's password hashes: ``pbkdf2_sha256$iterations$salt$digest``. None are made."""

from __future__ import annotations

import base64
import hashlib
import hmac

SCHEME = "pbkdf2_sha256$"
#: Django uses about a million; a much larger count would only cost processor time.
MAX_ITERATIONS = 3_000_000
_MAX_SALT = 256


def parse(stored: str) -> tuple[int, bytes, bytes]:
    """Iterations, salt and digest.

    :raises ValueError: not such a hash, or one that would take too long.
    """
    match stored.split("$"):
        case ["pbkdf2_sha256", count, salt, digest] if count.isascii() and count.isdecimal() and len(count) < 10:
            iterations, expected = int(count), base64.b64decode(digest, validate=True)
        case _:
            raise ValueError("not a pbkdf2_sha256 hash")
    if not 0 < iterations <= MAX_ITERATIONS:
        raise ValueError(f"between 1 and {MAX_ITERATIONS} iterations")
    if not 0 < len(salt) <= _MAX_SALT or len(expected) != hashlib.sha256().digest_size:
        raise ValueError("a salt or a digest of another length")
    return iterations, salt.encode(), expected


def verify(password: str, stored: str) -> bool:
    """:raises ValueError: as `parse`."""
    iterations, salt, expected = parse(stored)
    given = hashlib.pbkdf2_hmac("sha256", password.encode("utf-8", "surrogatepass"), salt, iterations)
    return hmac.compare_digest(given, expected)
