"""Time-based one-time passwords (RFC 6238) as all applications know them: SHA-1, six digits, steps of 30 seconds."""

from __future__ import annotations

import hmac
import re
from datetime import datetime

import pyotp
import segno

_STEP_SECONDS = 30
#: Steps before and after the current one, for clocks that differ (RFC 6238, 5.2).
_WINDOW = 1
_CODE = re.compile(r"[0-9]{6}")


def new_secret() -> str:
    """160 random bits in base 32 (RFC 4226, 4)."""
    return pyotp.random_base32(32)


def uri_of(secret: str, *, account: str, issuer: str) -> str:
    """The ``otpauth://`` URI of the key, which applications read from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def qr_of(uri: str) -> str:
    """The URI as a picture: an SVG in a data URL."""
    return str(segno.make(uri, error="m").svg_data_uri(scale=5, border=4, dark="#000", light="#fff"))


def code_in(text: str) -> str | None:
    """The six digits of a typed code, with or without spaces; None if it is no TOTP code."""
    code = re.sub(r"[\s-]", "", text)
    return code if _CODE.fullmatch(code) else None


def matching_step(secret: str, code: str, now: datetime, last_step: int | None) -> int | None:
    """The step that the code belongs to; None if it is wrong, or not younger than the last accepted one.

    :param last_step: of the last accepted code, so that none is accepted twice (RFC 6238, 5.2).
    """
    totp, current = pyotp.TOTP(secret), int(now.timestamp()) // _STEP_SECONDS
    found = None
    for step in range(current - _WINDOW, current + _WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()) and step > (last_step or 0):
            found = step
    return found
