"""Market endpoints of second factors (docs/second-factor.md): the second step of a sign-in, and one's own factors."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, json_schema, match_info_schema, response_schema

from mystar.accounts.access import actor_of, client_info, login_required, session_response
from mystar.accounts.factors.model import Enrolled, PasskeyOptions, Proof
from mystar.accounts.factors.schemas import (
    ChallengeDraft,
    EnrolledView,
    FactorChange,
    FactorPath,
    FactorsView,
    FactorView,
    PasskeyDraft,
    PasskeyOptionsView,
    PasskeySignInDraft,
    Reauthentication,
    RecoveryCodesView,
    SecondStepDraft,
    TotpConfirmation,
    TotpView,
)
from mystar.accounts.keys import FACTORS, SECOND_STEP, STEP_UP
from mystar.accounts.model import Channel, NewSession
from mystar.accounts.schemas import Nothing, TokenPair
from mystar.kit.web.http import json_response
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import body_of, path_of

_TAGS = ["market: people"]
_PRIVATE = {"Cache-Control": "no-store"}
_FRESH = "Needs a session younger than ten minutes; mailed to the owner."


async def finish_sign_in(request: web.Request, channel: Channel) -> NewSession:
    """The session of a sign-in whose second step is the body, a `SecondStepDraft`; for the handlers of all dialects."""
    body = body_of(request)
    proof = Proof(body["code"], body["credential"])
    return await request.app[SECOND_STEP].finish(
        body["challenge"], proof, client_info(request), channel, remember=body["remember"]
    )


@docs(
    tags=_TAGS,
    summary="Finish a sign-in with a second factor",
    description="Answers the `challenge` of a 403 `second_factor_required`, within five minutes and five tries.",
)
@json_schema(SecondStepDraft)
@response_schema(TokenPair, 200)
async def second_step(request: web.Request) -> web.Response:
    return _tokens(request, await finish_sign_in(request, "market"))


@docs(
    tags=_TAGS,
    summary="Get the request options of a passkey, to finish a sign-in",
    description="For the challenges of every dialect.",
)
@json_schema(ChallengeDraft)
@response_schema(PasskeyOptionsView, 200)
async def second_step_options(request: web.Request) -> web.Response:
    token = body_of(request)["challenge"]
    return _options(await request.app[SECOND_STEP].passkey_options(token, client_info(request)))


@docs(tags=_TAGS, summary="Begin a sign-in with a passkey alone")
@json_schema(Nothing)
@response_schema(PasskeyOptionsView, 200)
async def begin_passkey_sign_in(request: web.Request) -> web.Response:
    return _options(await request.app[SECOND_STEP].begin_passkey(client_info(request)))


@docs(
    tags=_TAGS,
    summary="Sign in with a passkey alone",
    description="The passkey has to verify its user, by a fingerprint or a PIN.",
)
@json_schema(PasskeySignInDraft)
@response_schema(TokenPair, 200)
async def passkey_sign_in(request: web.Request) -> web.Response:
    body = body_of(request)
    session = await request.app[SECOND_STEP].finish_passkey(
        body["challenge"], body["credential"], client_info(request), "market"
    )
    return _tokens(request, session)


# One's own factors


@docs(tags=_TAGS, summary="List the account's second factors")
@login_required
@response_schema(FactorsView, 200)
async def list_factors(request: web.Request) -> web.Response:
    return json_response(FactorsView().dump(await request.app[FACTORS].overview(actor_of(request))))


@docs(
    tags=_TAGS,
    summary="Begin to add an authenticator application",
    description="Answers its key once. Needs a session younger than ten minutes.",
)
@login_required
@json_schema(Nothing)
@response_schema(TotpView, 201)
async def begin_totp(request: web.Request) -> web.Response:
    begun = await request.app[FACTORS].begin_totp(actor_of(request))
    view = {"challenge": begun.challenge, "secret": begun.secret, "uri": begun.uri, "qr": begun.qr}
    return json_response({**view, "expires_in": begun.seconds}, 201, _PRIVATE)


@docs(
    tags=_TAGS,
    summary="Add an authenticator application by its first code",
    description="With the first factor, other sessions end. Mailed to the owner.",
)
@login_required
@json_schema(TotpConfirmation)
@response_schema(EnrolledView, 201)
async def confirm_totp(request: web.Request) -> web.Response:
    body = body_of(request)
    actor = actor_of(request)
    return _enrolled(await request.app[FACTORS].confirm_totp(actor, body["challenge"], body["code"], body["name"]))


@docs(
    tags=_TAGS,
    summary="Get the creation options of a passkey",
    description="Needs a session younger than ten minutes.",
)
@login_required
@json_schema(Nothing)
@response_schema(PasskeyOptionsView, 200)
async def begin_passkey(request: web.Request) -> web.Response:
    return _options(await request.app[FACTORS].begin_passkey(actor_of(request)))


@docs(
    tags=_TAGS, summary="Add a passkey", description="With the first factor, other sessions end. Mailed to the owner."
)
@login_required
@json_schema(PasskeyDraft)
@response_schema(EnrolledView, 201)
async def add_passkey(request: web.Request) -> web.Response:
    body = body_of(request)
    actor = actor_of(request)
    return _enrolled(await request.app[FACTORS].add_passkey(actor, body["challenge"], body["credential"], body["name"]))


@docs(tags=_TAGS, summary="Rename a second factor")
@login_required
@match_info_schema(FactorPath)
@json_schema(FactorChange)
@response_schema(FactorView, 200)
async def rename_factor(request: web.Request) -> web.Response:
    factors, factor_id = request.app[FACTORS], path_of(request)["factor_id"]
    return json_response(
        FactorView().dump(await factors.rename(actor_of(request), factor_id, body_of(request)["name"]))
    )


@docs(
    tags=_TAGS,
    summary="Remove a second factor",
    description=f"{_FRESH} Other sessions end, and with the last factor the recovery codes.",
    responses={204: {"description": "Removed"}},
)
@login_required
@match_info_schema(FactorPath)
async def remove_factor(request: web.Request) -> web.Response:
    await request.app[FACTORS].remove(actor_of(request), path_of(request)["factor_id"])
    return web.Response(status=204)


@docs(tags=_TAGS, summary="Replace the recovery codes", description=_FRESH)
@login_required
@json_schema(Nothing)
@response_schema(RecoveryCodesView, 201)
async def renew_codes(request: web.Request) -> web.Response:
    codes = await request.app[FACTORS].renew_codes(actor_of(request))
    return json_response({"recovery_codes": codes}, 201, _PRIVATE)


# Step-up


@docs(
    tags=["market: people"],
    summary="Give the password or a second factor again; the session counts as new for ten minutes",
    responses={204: {"description": "The session is new for ten minutes"}},
)
@login_required
@json_schema(Reauthentication)
async def reauthenticate(request: web.Request) -> web.Response:
    actor, body = actor_of(request), body_of(request)
    if body.get("password"):
        await request.app[STEP_UP].reauthenticate(actor, body["password"])
    else:
        proof = Proof(body.get("code", ""), body.get("credential"))
        await request.app[FACTORS].reauthenticate(actor, proof, body.get("challenge", ""))
    return web.Response(status=204)


@docs(tags=_TAGS, summary="Get the request options of a passkey, to confirm a sensitive action")
@login_required
@json_schema(Nothing)
@response_schema(PasskeyOptionsView, 200)
async def reauthentication_options(request: web.Request) -> web.Response:
    return _options(await request.app[FACTORS].step_up_options(actor_of(request)))


def _tokens(request: web.Request, session: NewSession) -> web.Response:
    return session_response(request, session, {"access": session.access, "refresh": session.refresh})


def _options(options: PasskeyOptions) -> web.Response:
    view: dict[str, Any] = {"challenge": options.challenge, "public_key": options.public_key}
    return json_response({**view, "expires_in": options.seconds}, headers=_PRIVATE)


def _enrolled(enrolled: Enrolled) -> web.Response:
    view = {"factor": FactorView().dump(enrolled.factor), "recovery_codes": list(enrolled.recovery_codes)}
    return json_response(view, 201, _PRIVATE)


_ME = "/api/v1/users/me/"
_OWN: tuple[Route, ...] = (
    route("POST", f"{_ME}reauthentication/", reauthenticate, "market.reauthentication"),
    route("POST", f"{_ME}reauthentication/options/", reauthentication_options, "market.reauthentication-options"),
    route("GET", f"{_ME}factors/", list_factors, "market.factors"),
    route("POST", f"{_ME}factors/totp/", begin_totp, "market.factor-totp"),
    route("POST", f"{_ME}factors/totp/confirm/", confirm_totp, "market.factor-totp-confirm"),
    route("POST", f"{_ME}factors/passkeys/options/", begin_passkey, "market.factor-passkey-options"),
    route("POST", f"{_ME}factors/passkeys/", add_passkey, "market.factor-passkeys"),
    route("POST", f"{_ME}factors/recovery-codes/", renew_codes, "market.factor-recovery-codes"),
    route("PATCH", f"{_ME}factors/{{factor_id}}/", rename_factor, "market.factor"),
    route("DELETE", f"{_ME}factors/{{factor_id}}/", remove_factor, "market.factor"),
)
ROUTES: tuple[Route, ...] = (
    route("POST", "/api/auth/second-factor/", second_step, "market.second-factor"),
    route("POST", "/api/auth/second-factor/passkey/", second_step_options, "market.second-factor-passkey"),
    route("POST", "/api/auth/passkey/options/", begin_passkey_sign_in, "market.passkey-options"),
    route("POST", "/api/auth/passkey/", passkey_sign_in, "market.passkey"),
    *_OWN,
    *(alias(one.path.replace("/api/v1/", "/api/"), one) for one in _OWN),
)
