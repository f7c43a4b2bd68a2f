"""Recovery codes: they replace a lost factor, each once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from mystar.kit.security.tokens import Signer

#: Codes that are given out at a time.
COUNT = 10
#: Crockford's base 32 has no letters that look like digits.
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH, _GROUP = 12, 4
_ALIKE = str.maketrans("oil", "011")


def new_codes() -> Sequence[str]:
    """Ten codes of 60 random bits, such as "7k2m-9qx4-v0fd"."""
    return [_grouped("".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))) for _ in range(COUNT)]


def digest_of(signer: Signer, account_id: int, code: str) -> str:
    """What is stored: without the secret key of the installation it does not tell the code."""
    return signer.sign("recovery code", account_id, _plain(code))


def is_code_of(signer: Signer, account_id: int, code: str, digest: str) -> bool:
    """Whether a typed code is the stored one; case, spaces and hyphens do not matter."""
    return signer.verify(digest, "recovery code", account_id, _plain(code))


def _plain(code: str) -> str:
    return re.sub(r"[^a-z0-9]", "", code.lower()).translate(_ALIKE)


def _grouped(code: str) -> str:
    return "-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))
