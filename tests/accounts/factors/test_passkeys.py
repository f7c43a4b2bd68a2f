"""Passkeys: registration, second step, sign-in alone, and what hostile authenticators and pages send."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from mystar.accounts.factors.passkeys import relying_party
from mystar.kit.keys import DATABASE
from tests.accounts.factors.authenticator import Authenticator, encoded
from tests.accounts.factors.conftest import NewOwner
from tests.accounts.factors.owner import FACTORS, STEP, Owner, audited, code_of
from tests.conftest import Api

ALONE = "/api/auth/passkey/"


@pytest.mark.parametrize(
    ("public_url", "site_url", "rp_id", "expected", "origins"),
    [
        ("https://stars.example", "", "", "stars.example", ["https://stars.example"]),
        (
            "https://api.stars.example:8443",
            "https://stars.example",
            "",
            "stars.example",
            ["https://api.stars.example:8443", "https://stars.example"],
        ),
        ("https://api.example", "https://www.other", "", "api.example", ["https://api.example", "https://www.other"]),
        ("https://api.x.example", "", "x.example", "x.example", ["https://api.x.example"]),
        ("https://звёзды.рф", "", "", "xn--b1aehb5h7a.xn--p1ai", ["https://xn--b1aehb5h7a.xn--p1ai"]),
        ("http://127.0.0.1:8080", "", "", "localhost", ["http://127.0.0.1:8080", "http://localhost:8080"]),
    ],
)
def test_passkeys_belong_to_the_host_of_the_service_or_of_the_site_above_it(
    public_url: str, site_url: str, rp_id: str, expected: str, origins: list[str]
) -> None:
    party = relying_party("MySTAR", public_url=public_url, site_url=site_url, rp_id=rp_id)
    assert (party.id, list(party.origins)) == (expected, origins)


async def test_passkeys_are_added_used_and_named(
    api: Api, app: web.Application, owner: Owner, authenticator: Authenticator
) -> None:
    first = await owner.add_passkey(authenticator, "Laptop")
    assert (first["factor"]["name"], first["factor"]["last_used_at"], len(first["recovery_codes"])) == (
        "Laptop",
        None,
        10,
    )
    options = await owner.made(f"{FACTORS}passkeys/options/", {}, status=200)
    assert [one["id"] for one in options["public_key"]["excludeCredentials"]] == [encoded(authenticator.credential_id)]
    second = Authenticator(api.url)
    assert (await owner.add_passkey(second))["recovery_codes"] == []
    assert second.handle == authenticator.handle

    answer = await owner.log_in()
    asked = await answer.json()
    assert (answer.status, asked["methods"]) == (403, ["passkey", "recovery_code"])
    options = await owner.passkey_options(asked["challenge"])
    assert len(options["allowCredentials"]) == 2
    signed = second.get(options)
    answer = await api.post(STEP, {"challenge": asked["challenge"], "credential": signed})
    assert answer.status == 200, await answer.text()
    replay = await api.post(STEP, {"challenge": asked["challenge"], "credential": signed})
    assert await code_of(replay) == (422, "challenge_unknown")
    seen = (await (await api.get(FACTORS, as_=owner.person)).json())["factors"]
    assert [bool(one["last_used_at"]) for one in seen] == [False, True]
    entry = (await audited(app, "sign_in"))[-1]
    assert entry.details["factor"] == "passkey"
    stored = await app[DATABASE].value("select sealed from second_factors limit 1")
    assert bytes(stored).startswith(b"gAAAA"), "the public key is sealed"


async def test_a_passkey_alone_signs_in_when_it_has_verified_its_user(
    api: Api, app: web.Application, owner: Owner, authenticator: Authenticator, new_owner: NewOwner
) -> None:
    await owner.add_passkey(authenticator)

    async def begun() -> dict[str, Any]:
        answer = await api.post(f"{ALONE}options/", {})
        assert answer.status == 200
        options: dict[str, Any] = await answer.json()
        assert (options["public_key"]["userVerification"], options["public_key"]["allowCredentials"]) == (
            "required",
            [],
        )
        return options

    options = await begun()
    body = {"challenge": options["challenge"], "credential": authenticator.get(options["public_key"])}
    answer = await api.post(ALONE, body)
    assert answer.status == 200, await answer.text()
    me = await api.get("/api/v1/users/me/", headers={"Authorization": f"Bearer {(await answer.json())['access']}"})
    assert (await me.json())["id"] == owner.person.id
    assert await code_of(await api.post(ALONE, body)) == (422, "challenge_unknown")

    options = await begun()
    authenticator.verifies = False
    body = {"challenge": options["challenge"], "credential": authenticator.get(options["public_key"])}
    assert await code_of(await api.post(ALONE, body)) == (401, "second_factor_refused")
    authenticator.verifies = True
    other = Authenticator(api.url)
    await (await new_owner()).add_passkey(other)
    for answer_of in (
        authenticator.get(options["public_key"], handle=other.handle),
        authenticator.get(options["public_key"], challenge=encoded(b"0" * 24)),
        Authenticator(api.url).get(options["public_key"]),
    ):
        body = {"challenge": options["challenge"], "credential": answer_of}
        assert await code_of(await api.post(ALONE, body)) == (401, "second_factor_refused")
    assert (await api.post(ALONE, {"challenge": options["challenge"], "credential": {}})).status in (401, 422)
    # Five tries: the challenge is closed, also for the right answer.
    body = {"challenge": options["challenge"], "credential": authenticator.get(options["public_key"])}
    assert await code_of(await api.post(ALONE, body)) == (422, "challenge_unknown")
    # The challenge of a password's second step is another one, and the other way round.
    options = await begun()
    assert await code_of(await owner.finish(options["challenge"], "123456")) == (422, "challenge_unknown")

    await app[DATABASE].execute("update accounts set is_active = false where id = %(id)s", id=owner.person.id)
    body = {"challenge": options["challenge"], "credential": authenticator.get(options["public_key"])}
    assert await code_of(await api.post(ALONE, body)) == (401, "login_refused")


async def test_hostile_answers_of_the_second_step_are_refused(
    api: Api, app: web.Application, owner: Owner, authenticator: Authenticator, new_owner: NewOwner
) -> None:
    await owner.add_passkey(authenticator)
    stranger, theirs = await new_owner(), Authenticator(api.url)
    await stranger.add_passkey(theirs)
    theirs_challenge = await stranger.challenge()
    theirs_options = await stranger.passkey_options(theirs_challenge)

    async def tried(credential: Any, challenge: str = "") -> tuple[int, str | None]:
        # A challenge has five tries; each case has its own, except where its options are the point.
        return await code_of(
            await api.post(STEP, {"challenge": challenge or await owner.challenge(), "credential": credential})
        )

    async def options() -> tuple[str, dict[str, Any]]:
        challenge = await owner.challenge()
        return challenge, await owner.passkey_options(challenge)

    refused = (401, "second_factor_refused")
    for overrides in (
        {"origin": "https://evil.example"},
        {"origin": api.url + ".evil.example"},
        {"rp_id": "evil.example"},
        {"challenge": encoded(b"guess" * 5)},
        {"challenge": theirs_options["challenge"]},
        {"handle": theirs.handle},
        {"signature": b"\x30\x06\x02\x01\x01\x02\x01\x01"},
        {"signature": b""},
    ):
        challenge, asked = await options()
        assert await tried(authenticator.get(asked, **overrides), challenge) == refused, overrides
    challenge, asked = await options()
    assert await tried(theirs.get(asked), challenge) == refused, "a passkey of another account"
    assert await tried(authenticator.get(theirs_options), theirs_challenge) == refused, (
        "the challenge of another account"
    )

    authenticator.count = 40
    challenge, asked = await options()
    assert (await tried(authenticator.get(asked), challenge))[0] == 200
    authenticator.count = 10
    challenge, asked = await options()
    assert await tried(authenticator.get(asked), challenge) == refused, "a copied passkey counts on from the past"
    authenticator.count = 41
    good = authenticator.get(asked)
    for response in (None, [], "x", {}, {"clientDataJSON": "e30"}, {**good["response"], "authenticatorData": "AA"}):
        status, _ = await tried({**good, "response": response})
        assert status in (401, 422), response
    assert (await tried({**good, "rawId": 5}))[0] == 401
    assert (await tried({**good, "padding": "x" * 20_000}))[0] == 401
    assert (await tried(good, challenge))[0] == 200

    # A row that was moved to another account verifies nothing.
    statement = "update second_factors set sealed = (select sealed from second_factors where account_id = %(of)s)"
    await app[DATABASE].execute(f"{statement} where account_id = %(id)s", id=owner.person.id, of=stranger.person.id)
    status, _ = await tried(theirs.get(asked), challenge)
    assert status in (401, 422)


async def test_hostile_registrations_are_refused(
    api: Api, owner: Owner, authenticator: Authenticator, new_owner: NewOwner
) -> None:
    async def tried(
        as_: Owner, credential: dict[str, Any] | None = None, challenge: str = "", **overrides: Any
    ) -> tuple[int, str | None]:
        options = await as_.made(f"{FACTORS}passkeys/options/", {}, status=200)
        answer = credential or Authenticator(api.url).create(options["public_key"], **overrides)
        draft = {"challenge": challenge or options["challenge"], "credential": answer}
        return await code_of(await api.post(f"{FACTORS}passkeys/", draft, as_=as_.person))

    refused = (422, "passkey_refused")
    assert await tried(owner, origin="https://evil.example") == refused
    assert await tried(owner, rp_id="evil.example") == refused
    assert await tried(owner, challenge="x") == (422, "challenge_unknown")
    assert await tried(owner, format="tpm") == refused
    assert await tried(owner, {"id": "x", "rawId": "x", "type": "public-key", "response": {}}) == refused

    stranger = await new_owner()
    options = await stranger.made(f"{FACTORS}passkeys/options/", {}, status=200)
    assert await tried(owner, authenticator.create(options["public_key"])) == refused, "another account's challenge"
    assert await tried(owner, authenticator.create(options["public_key"]), options["challenge"]) == (
        422,
        "challenge_unknown",
    )
    await owner.add_passkey(authenticator)
    options = await stranger.made(f"{FACTORS}passkeys/options/", {}, status=200)
    draft = {"challenge": options["challenge"], "credential": authenticator.create(options["public_key"])}
    answer = await api.post(f"{FACTORS}passkeys/", draft, as_=stranger.person)
    assert await code_of(answer) == (409, "passkey_exists")
    for _ in range(9):
        await owner.add_passkey(Authenticator(api.url))
    answer = await api.post(f"{FACTORS}passkeys/options/", {}, as_=owner.person)
    assert await code_of(answer) == (409, "too_many_factors")


async def test_a_passkey_confirms_sensitive_actions(
    api: Api, app: web.Application, owner: Owner, authenticator: Authenticator, new_owner: NewOwner
) -> None:
    again = "/api/v1/users/me/reauthentication/"
    assert await code_of(await api.post(f"{again}options/", {}, as_=owner.person)) == (409, "no_factors")
    await owner.add_passkey(authenticator)
    await app[DATABASE].execute("update sessions set authenticated_at = now() - interval '30 minutes'")
    options = await owner.made(f"{again}options/", {}, status=200)
    forged = authenticator.get(options["public_key"], origin="https://evil.example")
    answer = await api.post(again, {"challenge": options["challenge"], "credential": forged}, as_=owner.person)
    assert await code_of(answer) == (422, "reauthentication_failed")
    stranger = await new_owner()
    body = {"challenge": options["challenge"], "credential": authenticator.get(options["public_key"])}
    assert await code_of(await api.post(again, body, as_=stranger.person)) == (422, "challenge_unknown")
    assert (await api.post(again, body, as_=owner.person)).status == 204
    assert await code_of(await api.post(again, body, as_=owner.person)) == (422, "challenge_unknown")
    await owner.made(f"{FACTORS}recovery-codes/")
