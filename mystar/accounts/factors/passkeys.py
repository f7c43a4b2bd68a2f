"""Passkeys (W3C Web Authentication): what browsers are asked for, and the verification of what they answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json, parse_attestation_object
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from yarl import URL

from mystar.kit.setting_kinds import is_loopback

log = logging.getLogger(__name__)

#: Characters of an answer in JSON; real ones have about a thousand.
_MAX_ANSWER = 16_384
_MAX_CREDENTIAL_ID = 1023
#: Attestations are not asked for. An authenticator may still sign its own answer ("packed" without certificates).
_FORMATS = ("none", "packed")
_TRANSPORTS = {one.value for one in AuthenticatorTransport}


class AnswerRefused(Exception):
    """The answer of an authenticator is malformed, forged, or meant for another site, challenge or user."""


class NewPasskey(NamedTuple):
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: Sequence[str]


class KnownPasskey(NamedTuple):
    """What has to be known of a passkey to ask for it and to verify its signature."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: Sequence[str]


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The site that passkeys belong to.

    :param id: a host: passkeys work there and on its subdomains. :param origins: of the pages that may ask for them.
    """

    id: str
    origins: Sequence[str]
    name: str

    def creation_options(
        self, challenge: bytes, *, handle: bytes, username: str, display_name: str, known: Sequence[KnownPasskey]
    ) -> dict[str, Any]:
        """For ``navigator.credentials.create``. Passkeys of the account that exist are not made again."""
        options = webauthn.generate_registration_options(
            rp_id=self.id,
            rp_name=self.name,
            user_id=handle,
            user_name=username,
            user_display_name=display_name,
            challenge=challenge,
            exclude_credentials=_descriptors(known),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
        )
        return dict(json.loads(options_to_json(options)))

    def request_options(
        self, challenge: bytes, known: Sequence[KnownPasskey] = (), *, verified: bool = False
    ) -> dict[str, Any]:
        """For ``navigator.credentials.get``.

        :param known: of the account; empty lets the authenticator offer what it has.
        :param verified: the authenticator has to verify its user, by a PIN or a fingerprint.
        """
        need = UserVerificationRequirement.REQUIRED if verified else UserVerificationRequirement.PREFERRED
        options = webauthn.generate_authentication_options(
            rp_id=self.id, challenge=challenge, allow_credentials=_descriptors(known), user_verification=need
        )
        return dict(json.loads(options_to_json(options)))

    def verify_creation(self, answer: Mapping[str, Any], challenge: bytes) -> NewPasskey:
        """:raises AnswerRefused:"""
        text = _bounded(answer)
        try:
            if (
                parse_attestation_object(base64url_to_bytes(answer["response"]["attestationObject"])).fmt
                not in _FORMATS
            ):
                raise AnswerRefused
            made = webauthn.verify_registration_response(
                credential=text,
                expected_challenge=challenge,
                expected_rp_id=self.id,
                expected_origin=list(self.origins),
            )
            offered = answer["response"].get("transports") or []
            transports = [one for one in offered if one in _TRANSPORTS]
        except Exception as error:
            raise _refused(error) from error
        if len(made.credential_id) > _MAX_CREDENTIAL_ID:
            raise AnswerRefused
        return NewPasskey(made.credential_id, made.credential_public_key, made.sign_count, transports[:10])

    def verify_answer(
        self, answer: Mapping[str, Any], challenge: bytes, passkey: KnownPasskey, *, verified: bool = False
    ) -> int:
        """The new count of signatures. :raises AnswerRefused: also when the count does not grow, as of a copied key."""
        text = _bounded(answer)
        try:
            checked = webauthn.verify_authentication_response(
                credential=text,
                expected_challenge=challenge,
                expected_rp_id=self.id,
                expected_origin=list(self.origins),
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=verified,
            )
        except Exception as error:
            raise _refused(error) from error
        return checked.new_sign_count


def credential_id_of(answer: Mapping[str, Any]) -> bytes:
    """The id of the passkey that answered. :raises AnswerRefused: there is none."""
    return _bytes_in(answer, "rawId")


def user_handle_of(answer: Mapping[str, Any]) -> bytes | None:
    """The account's handle, which the authenticator may have sent. :raises AnswerRefused: it cannot be read."""
    response = answer.get("response")
    given = response.get("userHandle") if isinstance(response, Mapping) else None
    return _bytes_in(response, "userHandle") if given and isinstance(response, Mapping) else None


def relying_party(
    name: str, *, public_url: str, site_url: str = "", rp_id: str = "", origins: Sequence[str] = ()
) -> RelyingParty:
    """The relying party of an installation.

    Unless ``rp_id`` says so, it is the host of the service, or that of the site where the service is on a subdomain of
    it. Passkeys know no addresses: on this machine it is ``localhost``.
    """
    urls = [URL(one) for one in (public_url, site_url) if one]
    own = [_origin(one) for one in urls]
    if not rp_id:
        rp_id = default_rp_id(public_url, site_url)
    if rp_id == "localhost":
        own += [_origin(one.with_host("localhost")) for one in urls if is_loopback(one.host or "")]
    return RelyingParty(rp_id, tuple(dict.fromkeys([*own, *origins])), name)


def default_rp_id(public_url: str, site_url: str = "") -> str:
    """The shorter host where one is a subdomain of the other, else the service's own."""
    host, site = (URL(one).raw_host or "" if one else "" for one in (public_url, site_url))
    if is_loopback(host):
        return "localhost"
    return site if site and host.endswith(f".{site}") else host


def _origin(url: URL) -> str:
    """As browsers write it: the host in IDNA, no default port."""
    port = "" if url.is_default_port() or url.port is None else f":{url.port}"
    return f"{url.scheme}://{url.raw_host}{port}"


def _descriptors(known: Sequence[KnownPasskey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=one.credential_id, transports=[AuthenticatorTransport(way) for way in one.transports] or None
        )
        for one in known
    ]


def _bounded(answer: Mapping[str, Any]) -> str:
    text = json.dumps(answer)
    if len(text) > _MAX_ANSWER:
        raise AnswerRefused
    return text


def _bytes_in(values: Mapping[str, Any], name: str) -> bytes:
    try:
        return bytes(base64url_to_bytes(str(values[name])[:_MAX_ANSWER]))
    except Exception as error:
        raise AnswerRefused from error


def _refused(error: Exception) -> AnswerRefused:
    """The reason is for the log; it has no secrets, and may quote what the client sent."""
    if isinstance(error, AnswerRefused):
        return error
    log.info("a passkey was refused: %s: %.200r", type(error).__name__, str(error))
    return AnswerRefused()
