"""Encryption of what is stored and must be read again: authenticated, under a key derived from the secret key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from mystar.kit.security.tokens import derive


class SealBroken(Exception):
    """Sealed with a key that is not among ours, or changed since."""


class Sealer:
    """Seals small records for one ``purpose``.

    :param key: the installation's secret key.
    :param previous: earlier keys: what was sealed with them can still be opened.
    """

    def __init__(self, key: str, purpose: str, *, previous: Iterable[str] = ()) -> None:
        keys = [bytes.fromhex(derive(one, purpose)) for one in (key, *previous)]
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(one)) for one in keys])
        self._key = keys[0]

    def seal(self, record: Mapping[str, str]) -> bytes:
        return self._fernet.encrypt(orjson.dumps(dict(record)))

    def open(self, sealed: bytes) -> dict[str, str]:
        """:raises SealBroken:"""
        try:
            record: dict[str, str] = orjson.loads(self._fernet.decrypt(sealed))
        except InvalidToken as error:
            raise SealBroken from error
        return record

    def fingerprint(self, *parts: str) -> str:
        """Equal for equal parts; says nothing about them without the key."""
        return hmac.new(self._key, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()
