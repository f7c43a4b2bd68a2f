"""Tokens and signatures: ours open, all others do not."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from mystar.kit.tokens import ACCESS, REFRESH, Signer, TokenRefused, Tokens, mailed_token, token_digest

KEY = "a key of the tests that is longer than 32 characters"
NOW = datetime.now(UTC).replace(microsecond=0)
SESSION = uuid.uuid4()


def token(mode: str = ACCESS, tokens: Tokens | None = None, **changes: object) -> str:
    claims = {
        "account_id": 42,
        "session_id": SESSION,
        "user_name": "полина",
        "issued_at": NOW,
        "expires_at": NOW + timedelta(hours=4),
        **changes,
    }
    return (tokens or Tokens(KEY)).issue(mode, **claims)  # type: ignore[arg-type]


def test_a_token_says_who_and_in_which_session() -> None:
    claims = Tokens(KEY).read(token(), ACCESS)
    assert (claims.account_id, claims.session_id, claims.user_name, claims.expires_at) == (
        42,
        SESSION,
        "полина",
        NOW + timedelta(hours=4),
    )


def forged(claims: dict[str, object], key: str, **options: object) -> str:
    return jwt.encode(claims, key, **options)  # type: ignore[arg-type]


def unsigned() -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{head}.{token().split('.')[1]}."


def resigned_by_a_stranger(**headers: str) -> str:
    claims = jwt.decode(token(), options={"verify_signature": False})
    return forged(claims, "k" * 64, algorithm="HS256", headers=headers or None)


def tampered() -> str:
    head, body, signature = token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["id"] = 1
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


REFUSED = {
    "nothing": "",
    "not a token": "a.b.c",
    "not even text": "\ud800.\x00.я",
    "very long": "a" * 10_000,
    "of another mode": token(REFRESH),
    "expired": token(issued_at=NOW - timedelta(hours=2), expires_at=NOW - timedelta(minutes=1)),
    "from the future": token(issued_at=NOW + timedelta(hours=5), expires_at=NOW + timedelta(hours=6)),
    "of another issuer": token(tokens=Tokens(KEY, issuer="somebody")),
    "of another key": token(tokens=Tokens(KEY + "!")),
    "unsigned": unsigned(),
    "signed by a stranger": resigned_by_a_stranger(),
    "with a key of its own": resigned_by_a_stranger(kid="../../dev/null", jku="http://127.0.0.1/keys"),
    "tampered": tampered(),
    "with an id in words": token(account_id="42"),
    "with an id that is no number": token(account_id=True),
    "with a strange session": token(session_id="not-a-uuid"),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_a_token_that_is_not_ours_opens_nothing(text: str) -> None:
    with pytest.raises(TokenRefused):
        Tokens(KEY).read(text, ACCESS)


def test_a_clock_a_few_seconds_ahead_does_no_harm() -> None:
    assert Tokens(KEY).read(token(issued_at=NOW + timedelta(seconds=5)), ACCESS).account_id == 42


def test_a_signature_is_good_for_its_deed_only() -> None:
    signer = Signer(KEY)
    signature = signer.sign("pay", 17, "x")
    assert signer.fits(signature, "pay", 17, "x")
    for purpose, parts in (
        ("see", (17, "x")),
        ("pay", (1, "7x")),
        ("pay", (17, "y")),
        ("pay", (17,)),
        ("pay", ("17x",)),
    ):
        assert not signer.fits(signature, purpose, *parts)
    assert not signer.fits("", "pay", 17, "x")
    assert not signer.fits("подпись", "pay", 17, "x")
    assert not Signer(KEY + "!").fits(signature, "pay", 17, "x")


def test_of_a_mailed_token_only_the_digest_is_kept() -> None:
    secret, digest = mailed_token()
    assert digest == token_digest(secret) == hashlib.sha256(secret.encode()).digest()
    assert mailed_token()[0] != secret
