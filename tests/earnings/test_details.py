"""Payout details: sealed, masked, changed only by their owner, and told of by mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from yarl import URL

from mystar.audit.keys import AUDIT
from mystar.earnings.keys import PAYOUT_DETAILS
from mystar.kit.clock import MOSCOW
from mystar.kit.keys import DATABASE
from mystar.kit.moments import moment_text
from mystar.kit.security.sealing import SealBroken, Sealer
from tests.earnings.scenario import EarningsScenario
from tests.earnings.test_payouts import at_once, refused

DETAILS = "/api/v1/payouts/details/"
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "sbp": ({"phone": "8 916 123-45-67", "bank_id": "100000000004"}, "+7 *** ***-45-67"),
    "card": ({"token": "pt-2c7d", "mask": "2200 00** **** 0004"}, "220000******0004"),
    "wallet": ({"account_number": "41001614575714"}, "*5714"),
    "bank_account": (
        {"bic": "044525974", "account": "40817810199910004312", "inn": "500100732259", "name": "Иванов Иван"},
        "*4312",
    ),
}


async def test_details_are_shown_masked_and_stored_sealed(scenario: EarningsScenario) -> None:
    answer = await scenario.api.get(DETAILS, as_=scenario.creator)
    assert (answer.status, (await answer.json())["code"]) == (404, "payout_details_unknown")
    for kind, (fields, mask) in KINDS.items():
        shown = await scenario.details(kind=kind, **fields)
        assert shown == {"kind": kind, "mask": mask, "usable_at": shown["usable_at"]}
        assert await scenario.read(DETAILS) == shown
    secret = KINDS["bank_account"][0]["account"]
    rows = await scenario.app[DATABASE].all("select payout_details::text as row from payout_details")
    assert len(rows) == len(KINDS)
    assert not [row for row in rows if secret in row["row"] or "9161234567" in row["row"]]
    written = "".join(str(entry) for entry in await scenario.app[AUDIT].tail(50))
    assert "*4312" in written
    assert secret not in written


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "cash"}, "kind"),
    ({"kind": None}, "kind"),
    ({"kind": "sbp", "phone": "+79161234567"}, "bank_id"),
    ({"kind": "sbp", "phone": "+14155552671", "bank_id": "100000000004"}, "phone"),
    ({"kind": "sbp", "phone": "call me", "bank_id": "100000000004"}, "phone"),
    ({"kind": "sbp", "phone": "+79161234567", "bank_id": "4"}, "bank_id"),
    ({"kind": "card", "token": "4111 1111 1111 1111", "mask": "*1111"}, "token"),
    ({"kind": "card", "token": "pt-1", "mask": "4111111111111111"}, "mask"),
    ({"kind": "card", "token": "2200-7000-0000-0005", "mask": "*0005"}, "token"),
    ({"kind": "wallet", "account_number": "12"}, "account_number"),
    ({"kind": "wallet", "account_number": "5555 5555 5555 4444"}, "account_number"),
    ({**KINDS["bank_account"][0], "kind": "bank_account", "inn": "12x"}, "inn"),
    ({**KINDS["bank_account"][0], "kind": "bank_account", "name": " "}, "name"),
    ({**KINDS["bank_account"][0], "kind": "bank_account", "inn": "500100732258"}, "inn"),
    ({**KINDS["bank_account"][0], "kind": "bank_account", "inn": "7707083894"}, "inn"),
    ({**KINDS["bank_account"][0], "kind": "bank_account", "inn": "77070838930"}, "inn"),
    ({**KINDS["bank_account"][0], "kind": "bank_account", "inn": "000000000000"}, "inn"),
    ({**KINDS["bank_account"][0], "kind": "bank_account", "account": "40817810899910004312"}, "account"),
    ({**KINDS["bank_account"][0], "kind": "bank_account", "account": "40817840199910004312"}, "account"),
    ({**KINDS["bank_account"][0], "kind": "bank_account", "bic": "944525974"}, "bic"),
    ({**KINDS["bank_account"][0], "kind": "bank_account", "account": ["1"]}, "account"),
]


async def test_invalid_details_are_refused_by_field(scenario: EarningsScenario) -> None:
    for fields, wrong in WRONG:
        assert list((await scenario.details(422, **fields))["errors"]) == [wrong], fields


async def test_a_change_needs_the_password_or_a_fresh_sign_in(scenario: EarningsScenario) -> None:
    body = {"kind": "wallet", "account_number": "41001614575714"}
    for password, status, code in (
        ("wrong", 422, "reauthentication_failed"),
        (None, 200, None),
        (scenario.creator.password, 200, None),
    ):
        answer = await scenario.api.put(DETAILS, body | {"password": password}, as_=scenario.creator)
        assert (answer.status, (await answer.json()).get("code")) == (status, code)
    await scenario.later(minutes=11)
    for method in (scenario.api.put, scenario.api.delete):
        answer = await method(DETAILS, body, as_=scenario.creator)
        assert (answer.status, (await answer.json())["code"]) == (403, "reauthentication_needed")
    answer = await scenario.api.delete(DETAILS, {"password": scenario.creator.password}, as_=scenario.creator)
    assert answer.status == 204
    answer = await scenario.api.delete(DETAILS, {"password": scenario.creator.password}, as_=scenario.creator)
    assert answer.status == 404
    assert (await scenario.api.get(DETAILS)).status == 401


async def test_the_same_details_again_start_no_new_cool_down(scenario: EarningsScenario) -> None:
    first = await scenario.details()
    mail = await scenario.sandbox.wait_for_mail(scenario.creator.email, "реквизиты для выплат изменены")
    usable_at = moment_text(datetime.fromisoformat(first["usable_at"]), "ru", MOSCOW)
    assert f"Выплаты возможны с {usable_at}." in mail["text"]
    await scenario.later(days=3)
    assert await scenario.details() == first
    changed = await scenario.details(phone="+79160000000")
    assert changed["usable_at"] > first["usable_at"]


@at_once
async def test_details_are_not_changed_while_a_payout_is_on_its_way(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.details()
    asked = await scenario.payout()
    assert (await scenario.details(409, phone="+79160000000"))["code"] == "payout_open"
    await scenario.decide(asked["id"], "approve")
    await scenario.decide(asked["id"], "paid", document="17")
    await scenario.details(phone="+79160000000")


async def test_a_change_is_mailed_to_both_addresses_with_a_link_that_stops_payouts(scenario: EarningsScenario) -> None:
    await scenario.earned(125_000)
    await scenario.sandbox.clear_mails()
    await scenario.details()
    first = await scenario.sandbox.wait_for_mail(scenario.creator.email, "реквизиты")
    assert "+7 *** ***-45-67" in first["text"]
    other = f"new-{scenario.creator.email}"
    await scenario.app[DATABASE].execute(
        "update accounts set email = %(email)s where id = %(id)s", email=other, id=scenario.creator.id
    )
    await scenario.sandbox.clear_mails()
    await scenario.details(phone="+79160000000")
    for address in (scenario.creator.email, other):
        mail = await scenario.sandbox.wait_for_mail(address, "реквизиты")
    link = URL(scenario.app[PAYOUT_DETAILS].not_me_link(scenario.creator.id))
    assert str(link) in mail["text"]
    path = link.path_qs
    page = await scenario.api.get(path, headers={"Accept": "text/html"})
    assert page.status == 200
    await scenario.later(days=8)
    # Looking at the page, as a mail scanner does, stops nothing.
    assert (await scenario.read("/api/v1/earnings/"))["paused"] is None
    assert (await scenario.api.post(path)).status == 200
    await refused(scenario, "paused", "1250.00")
    forged = str(link.update_query(sig="0" * 40).relative())
    for method in (scenario.api.get, scenario.api.post):
        assert (await method(forged)).status == 403
    await scenario.later(days=24)
    assert (await scenario.api.post(path)).status == 403


async def test_the_same_details_of_two_creators_are_found(scenario: EarningsScenario) -> None:
    await scenario.details()
    other = await scenario.factory.star(channel="market")
    body = {"kind": "sbp", "phone": "+79161234567", "bank_id": "100000000004", "password": other.password}
    assert (await scenario.api.put(DETAILS, body, as_=other)).status == 200
    details = scenario.app[PAYOUT_DETAILS]
    assert await details.shared_with(await details.current(scenario.creator.id)) == [other.id]


async def test_banks_are_listed(scenario: EarningsScenario) -> None:
    found = await scenario.read("/api/v1/payouts/banks/?page_size=2")
    assert found["count"] > len(found["results"]) == 2
    assert set(found["results"][0]) == {"id", "name", "bic"}


def test_sealed_details_can_be_opened_with_the_known_keys_only() -> None:
    record = {"phone": "+79161234567"}
    old, new = "a" * 32, "b" * 32
    sealed = Sealer(old, "payout details").seal(record)
    assert Sealer(new, "payout details", previous=[old]).open(sealed) == record
    for stranger in (Sealer(new, "payout details"), Sealer(old, "something else")):
        with pytest.raises(SealBroken):
            stranger.open(sealed)
    with pytest.raises(SealBroken):
        Sealer(old, "payout details").open(sealed[:-1])
