"""Sign-in to the panel, CSRF tokens, and roles."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from mystar.accounts.keys import ACCOUNTS, STAFF
from mystar.accounts.model import ClientInfo, Role
from mystar.admin.lists import LISTS
from mystar.app import create_app
from mystar.contracts.panel import CONTRACT
from mystar.kit.keys import DATABASE
from mystar.kit.web.routes import Route
from mystar.settings import Settings
from tests.admin.conftest import AsRole, Panel, sign_in, sign_in_token, submit_sign_in
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory, actor

#: Every action of the panel except sign-in.
ACTIONS = [one for one in CONTRACT.routes if one.method == "POST" and not one.path.startswith("/admin/sign-in/")]
PAGES = [one for one in CONTRACT.routes if one.method == "GET"]
#: Pages that need no session.
OPEN = {"/admin/sign-in/", "/admin/language/{language:ru|en}/", r"/admin/static/{name:[\w.]+}"}
_VARIABLE = re.compile(r"\{(\w+):?[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")


def address(route: Route) -> str:
    """The route's path with something for every variable."""
    values = {"session": str(uuid.uuid4()), "language": "ru", "name": "panel.css"}
    if "/admin/texts/" in route.path:
        values["name"] = "mail.confirm_email"
    return _VARIABLE.sub(lambda variable: values.get(variable[1], "1"), route.path)


async def rows(app: web.Application) -> dict[str, str]:
    """Digests of the tables that an action may change; of the outbox only the ids, as messages are being sent."""
    tables = ("accounts", "sessions", "categories", "tags", "skills", "orders", "services", "creators")
    texts = {**{name: f"{name}::text" for name in tables}, "outbox": "id::text"}
    return {
        name: await app[DATABASE].value(f"select md5(string_agg({text}, '' order by id)) from {name}")
        for name, text in texts.items()
    }


async def world(factory: Factory) -> None:
    """A person, a star, an order and its mails, all with the number one."""
    star = await factory.star()
    await factory.order(await factory.person(), star)


def test_the_panel_has_actions() -> None:
    assert len(ACTIONS) > 20
    assert len({address(one) for one in ACTIONS}) == len(ACTIONS)


async def test_staff_sign_in_and_out(api: Api, factory: Factory) -> None:
    person = await factory.staff("viewer")
    answer = await submit_sign_in(api, person.email, person.password, next="/admin/orders/?status=new")
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/orders/?status=new")
    cookie = answer.cookies["mystar_admin"]
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/admin", "Strict", True)

    panel = await sign_in(api, person)
    page = await panel.get("/admin/orders/")
    assert page.status == 200
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert await panel.do("/admin/sign-out/") == "/admin/sign-in/"
    assert (await panel.get("/admin/orders/")).headers["Location"] == "/admin/sign-in/?next=/admin/orders/"


async def test_cookies_are_secure_when_the_public_url_is_https(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(HTTP__PUBLIC_URL="https://stars.example")
    async with TestClient(ApiTestServer(await create_app(settings, settings.database.url))) as client:
        assert (await client.get("/admin/sign-in/")).cookies["mystar_admin_visit"]["secure"] is True


async def test_sign_in_redirects_only_within_the_panel(api: Api, factory: Factory) -> None:
    person = await factory.staff("viewer")
    for elsewhere in ("//evil.example/", "https://evil.example/", "/admin//evil", "/admin/\\evil", "/api/", ""):
        assert (await submit_sign_in(api, person.email, person.password, next=elsewhere)).headers[
            "Location"
        ] == "/admin/"
        there = await api.get("/admin/language/en/", params={"back": elsewhere})
        assert there.headers["Location"] == "/admin/"


async def test_a_wrong_password_is_shown_in_the_form(api: Api, factory: Factory) -> None:
    person = await factory.staff()
    answer = await submit_sign_in(api, person.email, "not this one")
    text = await answer.text()
    assert (answer.status, answer.content_type) == (401, "text/html")
    assert "Неверный логин или пароль." in text
    assert person.email in text
    assert "mystar_admin" not in answer.cookies
    for login in ("", "unknown", "\x00", "x" * 5000, "ы\u0301@\u202e"):
        assert (await submit_sign_in(api, login, "\x00" * 200)).status == 401, login


async def test_accounts_without_a_role_get_403_and_no_session(api: Api, factory: Factory, app: web.Application) -> None:
    person = await factory.person()
    answer = await submit_sign_in(api, person.email, person.password)
    assert answer.status == 403
    assert "Панель доступна только сотрудникам" in await answer.text()
    assert "mystar_admin" not in answer.cookies
    assert await app[DATABASE].value("select count(*) from sessions where door = 'admin' and ended_at is null") == 0

    # The cookie does not accept a token of such an account either.
    panel = Panel(api, person, person.token)
    assert "Вход для сотрудников" in await panel.page("/admin/sign-in/")
    assert "Панель доступна только сотрудникам" in await panel.page("/admin/orders/", 403)


async def test_the_sign_in_form_is_bound_to_its_browser(api: Api, factory: Factory) -> None:
    person = await factory.staff()
    token = await sign_in_token(api)
    api.forget_cookies()
    fields = {"form_token": token, "login": person.email, "password": person.password}
    answer = await api.post("/admin/sign-in/", data=fields, headers={"Accept": "text/html"})
    assert answer.status == 403
    assert "mystar_admin" not in answer.cookies


async def test_guesses_are_limited(api: Api, factory: Factory, app: web.Application) -> None:
    limits = app[ACCOUNTS]._throttle._limits
    limits._enabled = True
    person = await factory.staff()
    statuses = [(await submit_sign_in(api, person.email, f"guess {n}")).status for n in range(7)]
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429


@pytest.mark.parametrize("route", [one for one in PAGES if one.path not in OPEN], ids=lambda one: one.name)
def test_every_page_requires_a_role(route: Route) -> None:
    assert route.handler.__least__ in ("viewer", "operator", "owner")  # type: ignore[attr-defined]


async def test_guests_are_redirected_to_sign_in(api: Api) -> None:
    for route in PAGES:
        if route.path not in OPEN:
            answer = await api.get(address(route), headers={"Accept": "text/html"})
            assert (answer.status, answer.headers["Location"].split("?")[0]) == (303, "/admin/sign-in/"), route
            told = await api.get(address(route))
            assert told.status == 303
            assert (await api.get(address(route), headers={"Accept": "application/json"})).status == 401


async def test_actions_need_a_session_a_csrf_token_and_our_own_origin(
    app: web.Application, api: Api, factory: Factory, owner: Panel
) -> None:
    await world(factory)
    other = await sign_in(api, await factory.staff("owner"))
    before = await rows(app)
    forged = {
        "no token": {"form_token": ""},
        "another's token": {"form_token": other.token},
        "an invented token": {"form_token": "0" * 40},
    }
    elsewhere = (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    )
    for route in ACTIONS:
        path = address(route)
        api.forget_cookies()
        guest = await api.post(path, data={"form_token": owner.token}, headers={"Accept": "text/html"})
        assert guest.status == 401, route
        for why, fields in forged.items():
            answer = await owner.post(path, **fields)
            assert answer.status == 403, (route, why)
            assert "ничего не сделано" in await answer.text()
        for headers in elsewhere:
            answer = await owner.post(path, headers=headers)
            assert answer.status == 403, (route, headers)
    assert await rows(app) == before


@pytest.mark.parametrize(
    ("host", "origin", "is_own"),
    [
        ("stars.example", "https://stars.example", True),
        ("stars.example", "http://stars.example", True),
        ("stars.example:443", "https://stars.example", True),
        ("stars.example:8443", "https://stars.example:8443", True),
        ("[::1]:8080", "http://[::1]:8080", True),
        ("xn--80ajbmlr.xn--p1ai", "https://xn--80ajbmlr.xn--p1ai", True),
        ("STARS.example", "https://stars.example", True),
        ("stars.example", "https://evil.example", False),
        ("stars.example", "https://stars.example:8443", False),
        ("stars.example:8443", "https://stars.example", False),
        ("stars.example", "https://sub.stars.example", False),
        ("[::1]:8080", "http://[::1]:8081", False),
        ("stars.example", "https://", False),
    ],
)
async def test_a_form_comes_from_the_host_and_port_that_it_is_sent_to(
    owner: Panel, host: str, origin: str, is_own: bool
) -> None:
    answer = await owner.post("/admin/sign-out/", headers={"Host": host, "Origin": origin})
    assert answer.status == (303 if is_own else 403)


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_actions_need_their_role(app: web.Application, factory: Factory, as_role: AsRole, role: Role) -> None:
    await world(factory)
    panel = await as_role(role)
    ranks = ("viewer", "operator", "owner")
    before = await rows(app)
    for route in ACTIONS:
        least = route.handler.__least__  # type: ignore[attr-defined]
        if ranks.index(least) > ranks.index(role):
            answer = await panel.post(address(route))
            assert answer.status == 403, route
            assert "Вашей роли это не разрешено." in await answer.text()
    assert await rows(app) == before


#: Actions that need no step-up, by why. Every other one needs it: what it gives away cannot be taken back.
QUICK = {
    "protects": (
        *("accounts/1/block/", "accounts/1/keep/", "accounts/1/sessions/1/end/", "earnings/1/stop/"),
        *("orders/1/earning/stop/", "reports/1/decide/", "announcements/1/stop/"),
    ),
    "what it moves can be given back, and cancelling what was captured needs it in the domain": (
        *("orders/1/approve/", "orders/1/capture/", "orders/1/cancel/", "orders/1/resume-payment/"),
        "payments/1/refresh/",
    ),
    "shown, hidden and worded differently": (
        *("categories/", "categories/1/", "categories/1/delete/", "skills/", "skills/1/", "skills/1/delete/"),
        *("tags/", "tags/1/", "tags/1/delete/", "creators/1/top/", "services/1/listing/", "reviews/1/listing/"),
        *("commission-rules/draft/", "texts/1/preview/", "announcements/preview/"),
    ),
    "the same for several rows": tuple(
        f"{name}/bulk/" for name in ("services", "reviews", "receipts", "outbox", "mails")
    ),
    "one's own filters": tuple(f"{name}/filters/{rest}" for name in LISTS for rest in ("", "1/delete/")),
    "a mail less": ("alarms/1/silence/",),
    "notes of the staff": ("accounts/1/notes/", "orders/1/notes/", "services/1/notes/"),
    "sent or begun again": (
        *("outbox/1/repeat/", "outbox/1/retry/", "receipts/1/send/"),
        *("studio-orders/process/", "studio-orders/1/process/"),
    ),
    "one's own session and factors, whose changes need it in the domain": (
        *("sign-out/", "step-up/", "step-up/options/", "security/factors/1/remove/", "security/passkeys/"),
        "security/zone/",
        *("security/passkeys/options/", "security/recovery-codes/", "security/totp/", "security/totp/confirm/"),
    ),
}


async def test_actions_that_give_something_away_need_step_up(api: Api, app: web.Application, factory: Factory) -> None:
    owner, quick = await factory.staff("owner"), {f"/admin/{path}" for paths in QUICK.values() for path in paths}
    sensitive = {one for one in ACTIONS if one.handler.__is_sensitive__}  # type: ignore[attr-defined]
    assert {_VARIABLE.sub("1", one.path) for one in set(ACTIONS) - sensitive} == quick
    await app[DATABASE].execute("update sessions set authenticated_at = now() - interval '11 minutes'")
    for route in sensitive:
        refused = await api.post(address(route), {}, as_=owner)
        assert (refused.status, (await refused.json())["code"]) == (403, "reauthentication_needed"), route.path


def test_viewers_sign_out_and_keep_their_own_second_factors_and_filters() -> None:
    open_ = {one.path for one in ACTIONS if one.handler.__least__ == "viewer"}  # type: ignore[attr-defined]
    own = {path for path in open_ if path.startswith(("/admin/security/", "/admin/step-up/")) or "/filters/" in path}
    assert open_ - own == {"/admin/sign-out/"}


async def test_a_session_ended_elsewhere_ends_in_the_panel(api: Api, factory: Factory, app: web.Application) -> None:
    panel = await sign_in(api, await factory.staff("operator"))
    await panel.page("/admin/orders/")
    chief = await factory.staff("owner")
    await app[STAFF].block(actor(chief, "owner"), panel.person.id)
    assert (await panel.get("/admin/orders/")).status == 303


async def test_errors_are_pages_for_people_and_json_for_programs(api: Api, factory: Factory, viewer: Panel) -> None:
    assert "Страница не найдена" in await viewer.page("/admin/orders/999999/", 404)
    assert "Страница не найдена" in await viewer.page("/admin/nowhere/", 404)
    staff = await factory.staff("operator")
    told = await api.post("/admin/accounts/999999/block/", as_=staff)
    assert (told.status, (await told.json())["code"]) == (404, "not_found")
    guest = await api.post("/admin/accounts/1/block/", headers={"Authorization": "Bearer x", "Accept": "text/html"})
    assert (guest.status, guest.content_type) == (401, "application/json")


async def test_the_language_is_russian_unless_another_is_chosen(api: Api, viewer: Panel) -> None:
    assert "<h1>Заказы</h1>" in await viewer.page("/admin/orders/")
    english = await viewer._ask("GET", "/admin/orders/", headers={"Accept-Language": "en-GB,en"})
    assert "<h1>Orders</h1>" in await english.text()
    chosen = await viewer._ask("GET", "/admin/language/en/?back=/admin/orders/")
    assert chosen.headers["Location"] == "/admin/orders/"
    cookie = f"mystar_admin={viewer.cookie}; mystar_admin_language={chosen.cookies['mystar_admin_language'].value}"
    page = await viewer._ask("GET", "/admin/orders/", headers={"Cookie": cookie})
    assert "<h1>Orders</h1>" in await page.text()


async def test_staff_block_and_unblock_with_a_bearer_token(api: Api, app: web.Application, factory: Factory) -> None:
    staff, person = await factory.staff("operator"), await factory.person()
    assert (await api.post(f"/admin/accounts/{person.id}/block/", as_=staff)).status == 204
    assert (await api.get("/api/v1/users/me/", as_=person)).status == 401
    assert (await api.post(f"/admin/accounts/{person.id}/unblock/", as_=staff)).status == 204
    await app[ACCOUNTS].log_in(ClientInfo(), "market", person.email, person.password)
    viewer = await factory.staff("viewer")
    assert (await api.post(f"/admin/accounts/{person.id}/block/", as_=viewer)).status == 403
    assert (await api.post(f"/admin/accounts/{person.id}/block/", as_=person)).status == 401
    other = await factory.person()
    assert (await api.post(f"/admin/accounts/{person.id}/block/", as_=other)).status == 403


async def test_bodies_other_than_forms_change_nothing(owner: Panel) -> None:
    url = "application/x-www-form-urlencoded"
    bodies = (
        (f"{url}; charset=klingon", b"form_token=x"),
        (url, b"form_token=%ff%fe&login=\xff\xfe"),
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\nno header at all\r\n\r\n--x--"),
        ("application/json", b'{"form_token": "x"}'),
        (url, b"form_token=x&" * 100_000),
    )
    for kind, body in bodies:
        answer = await owner._ask("POST", "/admin/tags/", headers={"Content-Type": kind}, data=io.BytesIO(body))
        assert answer.status in (400, 403, 413), (kind, body[:60], answer.status)
        assert answer.content_type == "text/html"


async def test_other_origins_cannot_read_the_panel(owner: Panel) -> None:
    answer = await owner._ask("GET", "/admin/orders/", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    preflight = await owner._ask("OPTIONS", "/admin/tags/", headers=asked)
    assert preflight.status == 204
    assert not [name for name in preflight.headers if name.lower().startswith("access-control")]
