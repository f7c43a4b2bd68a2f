"""Tokens and signatures: ours are accepted, all others are refused."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from mystar.kit.security.tokens import (
    ACCESS,
    REFRESH,
    Signer,
    TokenRefused,
    Tokens,
    derive,
    mailed_token,
    token_digest,
    token_of,
)

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


def test_a_token_names_account_and_session() -> None:
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


def headed(**head: object) -> str:
    """A token with valid claims, signed with the valid key, and another header."""
    claims = jwt.decode(token(), options={"verify_signature": False})
    return forged(claims, OWN_KEY, algorithm="HS256", headers=head)


def changed(**changes: object) -> str:
    """A token signed with the valid key, with other claims; None removes a claim."""
    claims = {**jwt.decode(token(), options={"verify_signature": False}), **changes}
    left = {name: value for name, value in claims.items() if value is not None}
    return jwt.api_jws.encode(json.dumps(left).encode(), OWN_KEY, algorithm="HS256")


def padded(place: int, text: str) -> str:
    parts = token().split(".")
    parts[place] += text
    return ".".join(parts)


OWN_KEY = derive(KEY, "tokens")
HEADS: dict[str, dict[str, object]] = {
    "kid": {"kid": "1"},
    "kid of a file": {"kid": "../../dev/null"},
    "kid of a query": {"kid": "x' union select 'y"},
    "jku": {"jku": "http://127.0.0.1/keys"},
    "jwk": {"jwk": {"kty": "oct", "k": "AAAA"}},
    "x5u": {"x5u": "http://127.0.0.1/certificate"},
    "x5c": {"x5c": ["AAAA"]},
    "crit": {"crit": ["exp"]},
    "b64": {"b64": False, "crit": ["b64"]},
    "zip": {"zip": "DEF"},
    "cty": {"cty": "JWT"},
    "another typ": {"typ": "at+jwt"},
    "no typ": {"typ": None},
}
CLAIMS: dict[str, dict[str, object]] = {
    **{f"no {name}": {name: None} for name in ("id", "sid", "mode", "jti", "iat", "exp", "iss", "aud")},
    "another audience": {"aud": "another"},
    "other audiences": {"aud": ["another", "else"]},
    "no audience inside": {"aud": []},
    "another mode": {"mode": "id_token"},
    "a mode in capitals": {"mode": "ACCESS_TOKEN"},
    "several modes": {"mode": [ACCESS, REFRESH]},
    "an id that is a fraction": {"id": 42.0},
    "several ids": {"id": [42]},
    "a generation in words": {"gen": "1"},
    "a generation that is no number": {"gen": True},
    "an end in words": {"exp": "never"},
    "an endless end": {"exp": 10**30},
    "an end long ago": {"exp": -1},
    "a beginning in words": {"iat": "yesterday"},
    "not yet": {"nbf": int((NOW + timedelta(hours=1)).timestamp())},
    "a session that is a number": {"sid": 5},
    "several issuers": {"iss": ["mystar"]},
}

REFUSED = {
    **{f"a head with {name}": headed(**head) for name, head in HEADS.items()},
    **{f"claims with {name}": changed(**claims) for name, claims in CLAIMS.items()},
    **{f"by {name}": forged({"id": 1}, OWN_KEY, algorithm=name) for name in ("HS384", "HS512")},
    "something behind the head": padded(0, "AAAA"),
    "something behind the claims": padded(1, "AAAA"),
    "something behind the signature": padded(2, "AAAA"),
    "a fourth part": token() + ".e30",
    "no signature": token().rpartition(".")[0] + ".",
    "the signature of another": token().rpartition(".")[0] + "." + token(REFRESH).rpartition(".")[2],
    "spaces around": f" {token()} ",
    "a list": "[]",
    "an encrypted one": "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA",
    "nothing": "",
    "not a token": "a.b.c",
    "not even text": "\ud800.\x00.я",
    "very long": "a" * 10_000,
    "of another mode": token(REFRESH),
    "expired": token(issued_at=NOW - timedelta(hours=2), expires_at=NOW - timedelta(minutes=1)),
    "from the future": token(issued_at=NOW + timedelta(hours=5), expires_at=NOW + timedelta(hours=6)),
    "of another issuer": token(tokens=Tokens(KEY, issuer="another")),
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
def test_a_forged_token_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        Tokens(KEY).read(text, ACCESS)


def test_at_least_sixty_forgeries_are_tried() -> None:
    assert len(REFUSED) >= 60
    assert Tokens(KEY).read(changed(), ACCESS), "the forger's tools make good ones"


def test_tokens_of_a_previous_key_are_accepted() -> None:
    old, both, new = Tokens(KEY), Tokens("n" * 40, previous=[KEY]), Tokens("n" * 40)
    assert both.read(token(tokens=old), ACCESS) == old.read(token(tokens=old), ACCESS)
    assert new.read(token(tokens=both), ACCESS), "signed with the new one"
    for reader, writer in ((new, old), (old, both)):
        with pytest.raises(TokenRefused):
            reader.read(token(tokens=writer), ACCESS)
    signature = Signer(KEY).sign("pay", 17)
    assert Signer("n" * 40, previous=[KEY]).verify(signature, "pay", 17)
    assert not Signer("n" * 40).verify(signature, "pay", 17)


def test_a_clock_a_few_seconds_ahead_is_tolerated() -> None:
    assert Tokens(KEY).read(token(issued_at=NOW + timedelta(seconds=5)), ACCESS).account_id == 42


def test_a_signature_is_valid_for_its_purpose_only() -> None:
    signer = Signer(KEY)
    signature = signer.sign("pay", 17, "x")
    assert signer.verify(signature, "pay", 17, "x")
    for purpose, parts in (
        ("see", (17, "x")),
        ("pay", (1, "7x")),
        ("pay", (17, "y")),
        ("pay", (17,)),
        ("pay", ("17x",)),
    ):
        assert not signer.verify(signature, purpose, *parts)
    assert not signer.verify("", "pay", 17, "x")
    assert not signer.verify("подпись", "pay", 17, "x")
    assert not Signer(KEY + "!").verify(signature, "pay", 17, "x")


def test_the_token_of_a_mailed_link_is_made_from_its_seed_and_the_key() -> None:
    signer = Signer(KEY)
    seed, digest = mailed_token(signer)
    token = token_of(signer, seed)
    assert seed not in token
    assert digest == token_digest(token) == hashlib.sha256(token.encode()).digest()
    assert token_of(Signer(KEY + "!"), seed) != token
    assert mailed_token(signer)[0] != seed
