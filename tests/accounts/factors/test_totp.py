"""Authenticator applications: RFC 6238, enrolment, single use."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from mystar.accounts.factors import recovery, totp
from mystar.kit.keys import DATABASE
from mystar.kit.security.tokens import Signer
from tests.accounts.factors.conftest import NewOwner
from tests.accounts.factors.owner import FACTORS, Owner, audited, code_of, mails
from tests.conftest import Api
from tests.factory import PASSWORD

#: RFC 6238, appendix B, SHA-1; the last six of eight digits.
_SECRET = base64.b32encode(b"12345678901234567890").decode()
VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


def test_codes_are_those_of_the_standard() -> None:
    for seconds, code in VECTORS.items():
        now = datetime.fromtimestamp(seconds, UTC)
        assert totp.matching_step(_SECRET, code, now, None) == seconds // 30
        assert totp.matching_step(_SECRET, code, now, seconds // 30) is None, "accepted twice"
        assert totp.matching_step(_SECRET, code, now, seconds // 30 - 1) == seconds // 30


@pytest.mark.parametrize(("ahead", "matches"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_clocks_may_differ_by_one_step(ahead: int, matches: bool) -> None:
    now = datetime.fromtimestamp(1111111111 + ahead, UTC)
    assert (totp.matching_step(_SECRET, VECTORS[1111111111], now, None) is not None) == matches


def test_codes_are_read_as_people_type_them() -> None:
    assert totp.code_in(" 123 456") == totp.code_in("123-456") == "123456"
    for text in ("", "12345", "1234567", "١٢٣٤٥٦", "12345a", "7k2m-9qx4-v0fd"):
        assert totp.code_in(text) is None
    signer = Signer("x" * 32)
    code = recovery.new_codes()[0]
    digest = recovery.digest_of(signer, 7, code)
    assert code.replace("-", "") not in digest
    assert recovery.is_code_of(signer, 7, f" {code.upper().replace('-', ' ').replace('0', 'O')} ", digest)
    assert not recovery.is_code_of(signer, 8, code, digest)
    assert recovery.is_code_of(Signer("y" * 32, previous=["x" * 32]), 7, code, digest)


async def test_an_application_is_added_by_its_first_code(api: Api, app: web.Application, owner: Owner) -> None:
    other_session = await (await owner.log_in()).json()
    begun = await owner.made(f"{FACTORS}totp/")
    asked = parse_qs(urlsplit(begun["uri"]).query)
    assert (asked["secret"], asked["issuer"]) == ([begun["secret"]], ["UGC Market"])
    assert begun["qr"].startswith("data:image/svg+xml")
    owner.secret = begun["secret"]
    wrong = {"challenge": begun["challenge"], "code": owner.code(steps=5)}
    assert await code_of(await api.post(f"{FACTORS}totp/confirm/", wrong, as_=owner.person)) == (
        422,
        "factor_code_wrong",
    )
    assert (await owner.log_in()).status == 200, "nothing is asked before the application is confirmed"

    right = {"challenge": begun["challenge"], "code": owner.code(), "name": "Phone"}
    made = await (await api.post(f"{FACTORS}totp/confirm/", right, as_=owner.person)).json()
    assert (made["factor"]["name"], len(set(made["recovery_codes"]))) == ("Phone", 10)
    again = await api.post(f"{FACTORS}totp/confirm/", right, as_=owner.person)
    assert await code_of(again) == (422, "challenge_unknown")
    assert await code_of(await api.post(f"{FACTORS}totp/", {}, as_=owner.person)) == (409, "totp_exists")

    seen = await (await api.get(FACTORS, as_=owner.person)).json()
    assert [one["kind"] for one in seen["factors"]] == ["totp"]
    assert (seen["recovery_codes_left"], seen["is_required"]) == (10, False)
    headers = {"Authorization": f"Bearer {other_session['access']}"}
    assert (await api.get(FACTORS, headers=headers)).status == 401, "other sessions end with the first factor"
    (mail,) = await mails(app, "добавлено приложение с кодами")
    assert "добавлено приложение с кодами: Phone" in mail
    stored = await app[DATABASE].one("select * from second_factors")
    assert begun["secret"].encode() not in bytes(stored["sealed"])
    kept = str(await app[DATABASE].all("select * from recovery_codes, factor_challenges, audit_entries, outbox"))
    assert not [one for one in (begun["secret"], *made["recovery_codes"]) if one in kept]
    (entry,) = await audited(app, "factor_added")
    assert (entry.details["before"], entry.details["after"]) == ("", "totp")


async def test_a_code_is_accepted_once(api: Api, owner: Owner) -> None:
    await owner.add_totp()
    first = await owner.challenge()
    used = owner.code()
    assert await code_of(await owner.finish(first, used)) == (401, "second_factor_refused"), (
        "it confirmed the enrolment"
    )
    code = owner.next_code()
    answer = await owner.finish(first, code)
    assert answer.status == 200
    assert (
        await api.get(FACTORS, headers={"Authorization": f"Bearer {(await answer.json())['access']}"})
    ).status == 200
    assert await code_of(await owner.finish(first, code)) == (422, "challenge_unknown")
    assert await code_of(await owner.finish(await owner.challenge(), code)) == (401, "second_factor_refused")
    earlier = owner.code(steps=-1)
    assert await code_of(await owner.finish(await owner.challenge(), earlier)) == (401, "second_factor_refused")
    later = await owner.finish(await owner.challenge(), owner.code(steps=1))
    assert later.status == 200, "the clock of the device is ahead"


async def test_recovery_codes_work_once_and_are_renewed(app: web.Application, owner: Owner) -> None:
    await owner.add_totp()
    assert (await owner.finish(await owner.challenge(), owner.codes[0].upper())).status == 200
    assert (await owner.finish(await owner.challenge(), owner.codes[0])).status == 401
    (mail,) = await mails(app, "использован резервный код")
    assert "Осталось кодов: 9" in mail
    renewed = await owner.made(f"{FACTORS}recovery-codes/")
    assert not set(renewed["recovery_codes"]) & set(owner.codes)
    assert (await owner.finish(await owner.challenge(), owner.codes[1])).status == 401
    assert (await owner.finish(await owner.challenge(), renewed["recovery_codes"][1])).status == 200
    (entry,) = await audited(app, "recovery_codes_renewed")
    assert (entry.details["before"], entry.details["after"]) == (9, 10)
    assert len(await audited(app, "second_factor_refused")) == 2


async def test_factors_are_renamed_and_removed_with_step_up(
    app: web.Application, api: Api, owner: Owner, new_owner: NewOwner
) -> None:
    factor = (await owner.add_totp())["factor"]
    stranger = await new_owner()
    path = f"{FACTORS}{factor['id']}/"
    assert await code_of(await api.delete(path, as_=stranger.person)) == (404, "factor_unknown")
    assert await code_of(await api.patch(path, {"name": "x"}, as_=stranger.person)) == (404, "factor_unknown")
    assert (await api.patch(path, {"name": ""}, as_=owner.person)).status == 422
    for _ in range(2):
        renamed = await api.patch(path, {"name": "Old phone"}, as_=owner.person)
        assert (await renamed.json())["name"] == "Old phone"
    (entry,) = await audited(app, "factor_renamed")
    assert (entry.details["before"], entry.details["after"]) == (factor["name"], "Old phone")

    await app[DATABASE].execute("update sessions set authenticated_at = now() - interval '30 minutes'")
    for method, address in (
        ("DELETE", path),
        ("POST", f"{FACTORS}totp/"),
        ("POST", f"{FACTORS}passkeys/options/"),
        ("POST", f"{FACTORS}recovery-codes/"),
    ):
        refused = await api.request(method, address, as_=owner.person, json={})
        assert await code_of(refused) == (403, "reauthentication_needed"), address
    again = "/api/v1/users/me/reauthentication/"
    for wrong, field in (
        ({}, "password"),
        ({"code": owner.codes[0]}, "code"),
        ({"code": owner.code(steps=7)}, "code"),
        ({"code": owner.code(), "password": PASSWORD}, "code"),
        ({"credential": {"id": "x"}}, "challenge"),
    ):
        refused = await api.post(again, wrong, as_=owner.person)
        assert (refused.status, list((await refused.json())["errors"])) == (422, [field]), wrong
    assert (await api.post(again, {"code": owner.next_code()}, as_=owner.person)).status == 204
    assert (await api.delete(path, as_=owner.person)).status == 204
    assert (await api.delete(path, as_=owner.person)).status == 404
    assert (await owner.log_in()).status == 200
    assert await app[DATABASE].value("select count(*) from recovery_codes") == 0
    (entry,) = await audited(app, "factor_removed")
    assert (entry.details["before"], entry.details["after"], entry.details["name"]) == ("totp", "", "Old phone")
    assert await code_of(await api.post(f"{FACTORS}recovery-codes/", {}, as_=owner.person)) == (409, "no_factors")
