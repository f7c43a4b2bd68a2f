"""Streaming encryption with AES-256-GCM: in chunks, each authenticated with its place, so that none is cut or moved.

An object is a random salt of 16 bytes, then chunks of 64 KiB with a tag of 16 bytes each. The nonce of a chunk is its
number and a last byte that is 1 for the last chunk: the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 64 * 1024
_SALT, _TAG = 16, 16
#: Shorter keys could be guessed.
MIN_KEY_LENGTH = 32


class WrongKey(Exception):
    """The object was encrypted with another key, or was changed or cut."""


class Cipher:
    """:param key: at least 32 characters, random."""

    def __init__(self, key: str) -> None:
        if len(key) < MIN_KEY_LENGTH:
            raise ValueError(f"the key of the backup needs at least {MIN_KEY_LENGTH} characters")
        self._key = key.encode()

    async def encrypt(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        salt = os.urandom(_SALT)
        yield salt
        aead, number = self._aead(salt), 0
        async for block, is_last in _blocks(chunks, CHUNK):
            yield aead.encrypt(_nonce(number, is_last), block, None)
            number += 1

    async def decrypt(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """:raises WrongKey:"""
        aead, number, head = None, 0, b""
        async for block, is_last in _blocks(chunks, CHUNK + _TAG, first=_SALT):
            if aead is None:
                head, aead = block, self._aead(block)
                if len(head) < _SALT or is_last:
                    raise WrongKey
                continue
            try:
                yield aead.decrypt(_nonce(number, is_last), block, None)
            except InvalidTag as error:
                raise WrongKey from error
            number += 1

    def _aead(self, salt: bytes) -> AESGCM:
        return AESGCM(HKDF(SHA256(), 32, salt, b"mystar backup").derive(self._key))


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


async def _blocks(
    chunks: AsyncIterator[bytes], size: int, *, first: int | None = None
) -> AsyncIterator[tuple[bytes, bool]]:
    """The bytes in blocks of ``size``, the first one of another size if given; and whether a block is the last."""
    waiting, want = bytearray(), first or size
    async for chunk in chunks:
        waiting += chunk
        # One byte more than a block proves that it is not the last.
        while len(waiting) > want:
            yield bytes(waiting[:want]), False
            del waiting[:want]
            want = size
    yield bytes(waiting), True
