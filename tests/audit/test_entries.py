"""What is recorded: sign-ins, refusals, movements of money and actions of staff (promise S18)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from mystar.accounts.keys import ACCOUNTS, PROFILES, STAFF
from mystar.accounts.model import ClientInfo
from mystar.audit.keys import AUDIT
from mystar.audit.model import ACTIONS, Entry, Filters
from mystar.errors import Forbidden
from mystar.kit.keys import DATABASE
from mystar.kit.web.pagination import PageRequest
from mystar.orders.keys import ORDERS
from mystar.privacy.keys import ERASURES
from mystar.settings import Settings
from tests.accounts.oauth.oauth_flow import PROVIDERS, Flow, login, register, token_of
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, actor

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess

TOKEN = "/api/auth/token/"


async def entries(app: web.Application, action: str | None = None) -> list[Entry]:
    """The oldest first."""
    found = [entry for entry in await app[AUDIT].tail(1000) if action in (None, entry.event.action)]
    assert {entry.event.action for entry in found} <= set(ACTIONS)
    return found


@pytest.mark.parametrize(
    ("path", "who", "door"),
    [
        (TOKEN, {"username": "anna"}, "market"),
        ("/api/login/", {"username": "anna"}, "greetings"),
        ("/auth/login/", {"email": "anna@example.com"}, "messenger"),
        ("/api/token/", {"phone_number": "87071234567"}, "studio"),
        ("/authorization/login/email", {"email": "anna@example.com", "hash_password": PASSWORD}, "identity"),
    ],
)
async def test_every_channel_records_sign_ins_and_refusals(
    api: Api, factory: Factory, app: web.Application, path: str, who: dict[str, str], door: str
) -> None:
    person = await factory.person("anna", email="anna@example.com", phone="87071234567")
    answer = await api.post(path, {"password": PASSWORD, **who})
    assert answer.status in (200, 201)
    entry = (await entries(app, "sign_in"))[-1].event
    assert (entry.subject, entry.actor_id, entry.details["door"]) == (f"account:{person.id}", person.id, door)
    assert entry.address == "127.0.0.1"

    wrong = {**who, "password": "Wrong-Word-42", "hash_password": "Wrong-Word-42"}
    assert (await api.post(path, wrong)).status in (401, 404)
    unknown = {key: "unknown@example.com" if "@" in str(value) else value for key, value in wrong.items()}
    unknown.update({"username": "unknown"} if "username" in who else {})
    unknown.update({"phone_number": "87070000000"} if "phone_number" in who else {})
    assert (await api.post(path, unknown)).status in (401, 404)
    refused = await entries(app, "sign_in_refused")
    assert [one.event.subject for one in refused] == [f"account:{person.id}", ""]
    assert refused[0].event.details["route"].startswith(f"{door}.")  # type: ignore[union-attr]


async def test_ended_sessions_and_password_changes_are_recorded(
    api: Api, factory: Factory, app: web.Application
) -> None:
    person = await factory.person("anna", channel="market")
    change = {"old_password": "Wrong-Word-42", "new_password": "Another-Good-1-Word"}
    assert (await api.post("/api/auth/password/change/", change, as_=person)).status == 422
    change["old_password"] = PASSWORD
    assert (await api.post("/api/auth/password/change/", change, as_=person)).status == 204
    answer = await api.post(TOKEN, {"username": "anna", "password": "Another-Good-1-Word"})
    headers = {"Authorization": f"Bearer {(await answer.json())['access']}"}
    assert (await api.post("/api/auth/logout/", headers=headers)).status == 204
    acts = [(entry.event.action, entry.event.details.get("reason")) for entry in await entries(app)]
    assert acts == [
        ("sign_in", None),
        ("password_refused", None),
        ("sessions_ended", "password_changed"),
        ("password_changed", None),
        ("sign_in", None),
        ("sessions_ended", "logout"),
    ]
    assert {entry.event.subject for entry in await entries(app)} == {f"account:{person.id}"}
    assert {entry.event.actor_id for entry in await entries(app)} == {person.id}


async def test_actions_of_staff_record_their_actor(api: Api, factory: Factory, app: web.Application) -> None:
    owner, person = await factory.staff("owner"), await factory.person()
    for action in ("block", "unblock"):
        assert (await api.post(f"/admin/accounts/{person.id}/{action}/", as_=owner)).status < 300
    await app[STAFF].set_role(actor(owner, "owner"), person.id, "viewer")
    told = {
        entry.event.action: entry.event for entry in await entries(app) if entry.event.subject == f"account:{person.id}"
    }
    assert told["account_blocked"].actor_id == told["account_unblocked"].actor_id == owner.id
    assert told["role_changed"].details == {"before": None, "after": "viewer"}
    assert not await entries(app, "staff_act")


async def test_repeated_refusals_are_recorded_once_a_minute(api: Api, factory: Factory, app: web.Application) -> None:
    person, viewer = await factory.person(), await factory.staff("viewer")
    for who in (person, person, viewer):
        assert (await api.post(f"/admin/accounts/{person.id}/block/", as_=who)).status == 403
    refused = [entry.event.actor_id for entry in await entries(app, "refused")]
    assert refused == [person.id, viewer.id]


@pytest.fixture
def settings(make_settings: Callable[..., Settings], request: pytest.FixtureRequest) -> Settings:
    return make_settings(**getattr(request, "param", {}))


@pytest.mark.parametrize("settings", [{"LIMITS__ENABLED": True, "LIMITS__LOGIN_ACCOUNT": "2/hour"}], indirect=True)
async def test_rate_limits_are_recorded(api: Api, factory: Factory, app: web.Application) -> None:
    await factory.person("anna")
    for _ in range(5):
        await api.post(TOKEN, {"username": "anna", "password": "Wrong-Word-42"})
    assert len(await entries(app, "sign_in_refused")) == 2
    assert len(await entries(app, "limit_hit")) == 1


async def test_movements_of_money_are_recorded_with_their_amount(
    api: Api, factory: Factory, app: web.Application, sandbox_process: SandboxProcess
) -> None:
    star, customer = await factory.star(price=150_000), await factory.person()
    order_id = await factory.order(customer, star)
    await factory.hold(order_id, sandbox_process)
    await app[ORDERS].accept(actor(star), order_id)
    moves = [entry.event for entry in await entries(app, "money_moved")]
    assert [(event.subject, event.details["move"], event.details["amount"]) for event in moves] == [
        (f"order:{order_id}", "hold", "1500.00"),
        (f"order:{order_id}", "capture", "1500.00"),
    ]


async def test_processing_a_studio_order_is_recorded(api: Api, factory: Factory, app: web.Application) -> None:
    operator = await factory.staff("operator")
    answer = await api.post("/api/orders/orders/", {"title": "Сайт", "description": "Три страницы"})
    order = await answer.json()
    await api.post(f"/admin/studio-orders/{order['id']}/process/", as_=operator)
    (entry,) = await entries(app, "studio_order_queued")
    assert (entry.event.actor_id, entry.event.subject) == (operator.id, f"order:{order['id']}")
    assert entry.event.details["number"] == order["order_number"]


async def test_rolled_back_facts_are_not_recorded(api: Api, factory: Factory, app: web.Application) -> None:
    owner = await factory.staff()
    before = len(await entries(app))
    assert (await api.post(f"/admin/accounts/{owner.id}/block/", as_=owner)).status == 403
    assert [entry.event.action for entry in (await entries(app))[before:]] == ["refused"]


async def test_no_secrets_and_no_personal_data_are_recorded(api: Api, factory: Factory, app: web.Application) -> None:
    await factory.person("marked-name", email="marked@example.com", phone="87071234567", first_name="Marked")
    for name in ("marked-name", "marked@example.com", "87071234567", "marked-unknown"):
        for password in (PASSWORD, "marked-password"):
            answer = await api.post(TOKEN, {"username": name, "password": password})
            access = (await answer.json()).get("access", "no token")
            assert access not in str(await entries(app))
    assert len(await entries(app)) == 9
    for word in ("marked", "Marked", "7071234567", PASSWORD):
        assert word not in str(await entries(app))


async def test_entries_are_filtered(api: Api, factory: Factory, app: web.Application) -> None:
    anna, viewer = await factory.person("anna"), await factory.staff("viewer")
    await app[ACCOUNTS].sign_in(anna.id, ClientInfo(), "market")
    audit, staff = app[AUDIT], actor(viewer, "viewer")
    page = await audit.entries(staff, Filters(subject=f"account:{anna.id}"), PageRequest(1, 1))
    assert (page.count, len(page.rows)) == (2, 1)
    (first,) = (await audit.entries(staff, Filters(subject=f"account:{anna.id}"), PageRequest(2, 1))).rows
    assert first.id < page.rows[0].id
    for filters, count in (
        (Filters(), 4),
        (Filters(action="role_changed"), 1),
        (Filters(action="sign_in", actor_id=viewer.id), 1),
        (Filters(since=page.rows[0].event.at), 1),
        (Filters(until=page.rows[0].event.at), 3),
        (Filters(action="no such"), 0),
    ):
        assert (await audit.entries(staff, filters, PageRequest())).count == count
    with pytest.raises(Forbidden):
        await audit.entries(actor(anna), Filters(), PageRequest())


async def test_long_values_are_truncated_and_cleaned(api: Api, app: web.Application) -> None:
    details: dict[str, Any] = {f"d{number}": 'я\0"\ud800' * 500 for number in range(20)}
    await app[AUDIT].record_separately("staff_act", "x" * 500, **details)
    (entry,) = await entries(app)
    assert (len(entry.event.subject), len(entry.event.details)) == (60, 6)
    assert await app[AUDIT].verify() == []


@pytest.mark.parametrize("flow", PROVIDERS, ids=str)
async def test_sign_in_through_providers_is_recorded(api: Api, app: web.Application, flow: Flow) -> None:
    token = await token_of(api, flow, person="olga.demo")
    assert (await register(api, flow, token)).status in (200, 201)
    assert (await login(api, flow, token)).status in (200, 201)
    (linked,) = await entries(app, "identity_linked")
    assert (linked.event.details["before"], linked.event.details["after"]) == ("", linked.event.details["provider"])
    came = [entry.event for entry in await entries(app, "sign_in")]
    assert [(event.subject, event.details["door"]) for event in came] == [(came[0].subject, flow.dialect)] * 2
    await login(api, flow, "forged")
    assert [entry.event.action for entry in await entries(app)][-1] == "sign_in_refused"


async def test_changes_of_an_account_are_recorded_with_the_value_before_and_after(
    api: Api, factory: Factory, app: web.Application
) -> None:
    """Everything that changes an account is walked; secrets are left out, contacts are masked."""
    person = await factory.person("before", phone="+79161234567", first_name="Анна", channel="market")
    changes = {"username": "after", "first_name": "Мария", "last_name": "Комета", "email": "after@example.com"}
    changes |= {"phone": "+79167654321", "current_password": PASSWORD}
    changes |= {"location": "Омск", "locale": "en", "time_zone": "Asia/Omsk", "birth_date": date(1990, 5, 12)}
    await app[PROFILES].edit(actor(person), **changes)
    recorded = {str(one.event.details["field"]): one.event.details for one in await entries(app, "field_changed")}
    assert {field: (one["before"], one["after"]) for field, one in recorded.items()} == {
        "username": ("before", "after"),
        "first_name": ("Анна", "Мария"),
        "last_name": ("", "Комета"),
        "email": ("p…@example.com", "a…@example.com"),
        "phone": ("+79…67", "+79…21"),
        "location": ("", "Омск"),
        "language": ("ru", "en"),
        "time_zone": ("", "Asia/Omsk"),
        "birth_date": ("", "1990-05-12"),
    }
    await app[DATABASE].execute("update sessions set authenticated_at = now()")
    identity = "insert into provider_identities (issuer, subject, account_id) values (%(issuer)s, '5', %(id)s)"
    for issuer in ("vk", "yandex"):
        await app[DATABASE].execute(identity, id=person.id, issuer=issuer)
    assert (await api.delete("/api/v1/users/me/identities/", as_=person)).status == 204
    assert (await api.post("/api/v1/users/me/export/", {}, as_=person)).status == 202
    assert (await api.post("/api/v1/users/me/erasure/", {}, as_=person)).status == 202
    await app[ERASURES].erase_now(person.id)
    for action, details in {
        "export_requested": {"by": "person"},
        "erasure_requested": {"by": "person"},
        "account_erased": {},
    }.items():
        (entry,) = await entries(app, action)
        assert entry.event.subject == f"account:{person.id}"
        assert details.items() <= entry.event.details.items()
    unlinked = [one.event.details for one in await entries(app, "identity_unlinked")]
    assert [(one["provider"], one["before"], one["after"]) for one in unlinked] == [
        ("vk", "vk, yandex", "yandex"),
        ("yandex", "yandex", ""),
    ]
    changed = [one.event.details for one in await entries(app, "field_changed")]
    assert {value for one in changed for value in (one["before"], one["after"])} == {""}
    assert await app[AUDIT].verify() == []
