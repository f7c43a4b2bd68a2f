"""An authenticator in software: it makes passkeys and signs with them, as the Web Authentication standard says."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One passkey. ``count``: signatures so far; ``verifies``: it asks its user for a PIN."""

    origin: str
    verifies: bool = True
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    handle: bytes = b""

    def create(self, options: dict[str, Any], **overrides: Any) -> dict[str, Any]:
        """The answer to ``navigator.credentials.create``; ``overrides``: origin, challenge, rp_id, format."""
        self.handle = decoded(options["user"]["id"])
        rp_id = overrides.get("rp_id", options["rp"]["id"])
        attested = b"\0" * 16 + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self._public_key()
        data = self._data(rp_id, _ATTESTED) + attested
        statement = {"fmt": overrides.get("format", "none"), "attStmt": {}, "authData": data}
        response = {
            "clientDataJSON": self._client_data("webauthn.create", options, overrides),
            "attestationObject": encoded(cbor2.dumps(statement)),
            "transports": ["internal", "telepathy"],
        }
        return self._answer(response)

    def get(self, options: dict[str, Any], **overrides: Any) -> dict[str, Any]:
        """The answer to ``navigator.credentials.get``; ``overrides``: origin, challenge, rp_id, handle, signature."""
        self.count += 1
        data = self._data(overrides.get("rp_id", options["rpId"]), 0)
        client = self._client_data("webauthn.get", options, overrides)
        signed = data + hashlib.sha256(decoded(client)).digest()
        response = {
            "clientDataJSON": client,
            "authenticatorData": encoded(data),
            "signature": encoded(overrides.get("signature", self.key.sign(signed, ec.ECDSA(SHA256())))),
            "userHandle": encoded(overrides.get("handle", self.handle)),
        }
        return self._answer(response)

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        name = encoded(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}

    def _data(self, rp_id: str, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: dict[str, Any], overrides: dict[str, Any]) -> str:
        said = {
            "type": kind,
            "challenge": overrides.get("challenge", options["challenge"]),
            "origin": overrides.get("origin", self.origin),
            "crossOrigin": False,
        }
        return encoded(json.dumps(said).encode())

    def _public_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
