"""The calls of each dialect's client, from a page on another origin than the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page
from yarl import URL

from mystar.settings import Settings
from tests.accounts.oauth.oauth_flow import MAILRU, VK, VK_LEGACY, YANDEX, YANDEX_GREETINGS, Flow
from tests.browser.conftest import Tab
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.ports import unused_port
from tests.sandbox_process import SandboxProcess

PASSWORD = "Greeting-for-Mum-77"
#: A page as the clients are: it parses every answer as JSON, draws its own pictures and sends them in forms.
PAGE = """<!doctype html><html lang="ru"><title>client</title><link rel="icon" href="data:,">
<canvas width=64 height=48></canvas>
<script>
const drawn = () => new Promise(done => document.querySelector("canvas").toBlob(done, "image/png"));
async function call(api, method, path, {token, json, form, files = [], credentials = "same-origin"}) {
  const headers = token ? {Authorization: `Bearer ${token}`} : {};
  let body;
  if (json !== undefined) { headers["Content-Type"] = "application/json"; body = JSON.stringify(json); }
  if (form !== undefined) {
    body = new FormData();
    for (const [name, value] of Object.entries(form)) body.append(name, value);
    for (const name of files) body.append(name, await drawn(), "picture.png");
  }
  const answer = await fetch(api + path, {method, headers, body, credentials});
  const text = await answer.text();
  const ignored = answer.headers.get("X-Ignored-Parameters");
  return {status: answer.status, body: text ? JSON.parse(text) : null, ignored};
}
function loads(address) {
  return new Promise(done => {
    const image = new Image();
    image.onload = () => done(true);
    image.onerror = () => done(false);
    image.src = address;
  });
}
function socket(address) {
  return new Promise((done, failed) => {
    const socket = new WebSocket(address);
    socket.onmessage = event => { done(JSON.parse(event.data)); socket.close(); };
    socket.onerror = failed;
  });
}
</script></html>"""


class Client:
    """Calls from the page. The token is sent as the clients send it."""

    def __init__(self, page: Page, api: str) -> None:
        self.page, self.api = page, api
        self.token: str | None = None
        #: Of the last call: the header that names parameters without effect.
        self.ignored: str | None = None

    async def call(self, method: str, path: str, json: Any = None, *, status: int = 200, **options: Any) -> Any:
        options |= {"token": self.token} | ({} if json is None else {"json": json})
        answer = await self.page.evaluate("given => call(...given)", [self.api, method, path, options])
        assert answer["status"] == status, answer
        self.ignored = answer["ignored"]
        return answer["body"]

    async def loads(self, address: str) -> bool:
        return bool(await self.page.evaluate("loads", address))


@pytest.fixture
def site_port() -> int:
    return unused_port()


@pytest.fixture
def settings(make_settings: Callable[..., Settings], site_port: int) -> Settings:
    site = f"http://localhost:{site_port}"
    return make_settings(HTTP__CORS_ORIGINS=site, HTTP__SITE_URL=site)


@pytest_asyncio.fixture(loop_scope="session")
async def client(tab: Tab, api: Api, site_port: int) -> AsyncIterator[Client]:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    site = web.Application()
    site.router.add_get("/{any:.*}", show)
    async with TestServer(site, host="localhost", port=site_port):
        await tab.page.goto(f"http://localhost:{site_port}/")
        yield Client(tab.page, api.url)


async def test_the_greetings_client(
    client: Client, api: Api, factory: Factory, star: Person, sandbox_process: SandboxProcess
) -> None:
    person = {"username": "anna", "phone": "89161234567", "email": "anna@example.com", "password": PASSWORD}
    assert await client.call("POST", "/api/registration/", person, status=201) == ["Подтвердите Ваш Email"]
    signed_in = await client.call("POST", "/api/login/", {"login": person["email"], "password": PASSWORD}, status=201)
    client.token = signed_in["token"]
    (shown,) = await client.call("GET", "/api/star/getlist/", status=201)
    assert (shown["price_another"], shown["is_star"]) == (0, True)
    liked = {"star_id": shown["id"], "cust_id": "undefined"}
    assert await client.call("POST", "/api/star/like/", liked, status=201) == ["Оценка выставлена"]

    draft = {"star_id": str(star.id), "for_whom": "Для мамы", "order_price": shown["price"], "comment": "Привет"}
    order = await client.call("POST", "/api/order/", draft, status=201)
    link = await client.call("GET", f"/api/order/pay/?order_id={order['order_id']}")
    assert link["link"].startswith(f"{api.url}/payments/?order_id=")
    await factory.hold(order["order_id"], sandbox_process)

    customer, client.token = client.token, star.token
    form = {"star_id": str(star.id), "order_id": str(order["order_id"])}
    await client.call("POST", "/api/upload/congritulatoin/", form=form, files=["video_con"], status=201)
    avatar = await client.call("POST", "/api/upload/avatar/", form={"user_id": ""}, files=["image"], status=201)
    assert await client.loads(f"{api.url}/media/{avatar['image']}")
    client.token = customer
    (item,) = await client.call("GET", "/api/order/list/?is_star=false&user_id=undefined")
    assert (item["status_order"], item["username"]) == (3, "anna")
    # Without a token, as an element of the page loads it.
    assert await client.loads(f"{api.url}/media/{item['video']}")


async def test_the_market_client(client: Client, api: Api, tab: Tab, site_port: int) -> None:
    kira = {"username": "kira", "email": "kira@example.com", "password": PASSWORD, "user_type": "creator"}
    await client.call("POST", "/api/auth/register/", kira | {"password_confirm": PASSWORD}, status=201)
    pair = await client.call("POST", "/api/auth/token/", {"username": "kira", "password": PASSWORD})
    creator = client.token = pair["access"]
    me = await client.call("GET", "/api/users/me/")
    assert (me["user_type"], me["has_creator_profile"]) == ("Креатор", True)
    profile = f"/api/creator-profiles/{me['creator_profile_id']}/"
    changed = await client.call("PATCH", profile, {"user": {"first_name": "Кира"}, "location_write": "Казань"})
    assert (changed["user"]["first_name"], changed["user"]["location"]) == ("Кира", "Казань")
    form = {"title": "Монтаж", "price": "5000", "estimated_time": "3-5 рабочих дней", "modifications_price": "7000"}
    form |= {"allows_modifications": "true", "description": ""}
    service = await client.call("POST", "/api/services/", form=form, files=["uploaded_images[]"], status=201)
    assert await client.loads(service["images"][0]["image"])

    client.token = None
    klim = {"username": "klim", "email": "klim@example.com", "password": PASSWORD, "user_type": "client"}
    await client.call("POST", "/api/auth/register/", klim, status=201)
    listed = await client.call("GET", f"/api/services/?creator_profile={me['creator_profile_id']}&platform=vk")
    assert ([one["id"] for one in listed["results"]], client.ignored) == ([service["id"]], "platform")
    pair = await client.call("POST", "/api/auth/token/", {"username": "klim", "password": PASSWORD})
    client.token = (await client.call("POST", "/api/auth/token/refresh/", {"refresh": pair["refresh"]}))["access"]
    own = await client.call("GET", "/api/client-profile/")
    await client.call("PATCH", f"/api/client-profiles/{own['id']}/", {"location": "Тула"})
    ordered = {"service": service["id"], "with_modifications": True}
    order = await client.call("POST", "/api/orders/", ordered, status=201)
    assert (order["total_price"], order["service"]["estimated_time"]) == (7000, form["estimated_time"])

    link = await client.call("POST", f"/api/v1/orders/{order['id']}/pay/", {"payment_method": "bank_card"})
    await client.page.goto(link["link"])
    await client.page.get_by_role("button", name="Оплатить").click()
    # Back on the page of the site, with no click between.
    await client.page.wait_for_url(f"http://localhost:{site_port}/orders/{order['id']}")

    client.token = creator
    told = await client.call("GET", "/api/v1/notifications/")
    assert told["results"][0]["link"] == f"/orders/{order['id']}"
    address = f"{api.url.replace('http', 'ws', 1)}/ws/notifications/?token={creator}&after=0"
    assert (await client.page.evaluate("socket", address))["type"] in ("new_order", "resumed")
    await client.call("DELETE", "/api/users/me/", status=405)
    assert len(tab.complaints) == 1
    tab.complaints.clear()


async def test_providers_sign_in_from_another_origin(client: Client, tab: Tab, site_port: int) -> None:
    """The page fetches the link without credentials, and its callback brings back nothing but the code."""
    page, site = client.page, f"http://localhost:{site_port}"

    async def chosen(link: str, name: str, back: str) -> None:
        await page.goto(link)
        await page.get_by_role("button", name=name).click()
        await page.wait_for_url(back)

    async def token_through(flow: Flow, name: str, *kept: str) -> str:
        link = await client.call("GET", flow.link, credentials="omit")
        await chosen(link["link"] if flow.is_greetings else link, name, f"{site}/**/callback?**")
        assert await page.context.cookies() == []
        query = {one: value for one, value in URL(page.url).query.items() if one in ("code", "device_id", *kept)}
        answer = await client.call("GET", f"{flow.code}?{urlencode(query)}", credentials="omit")
        return str(answer["access_token"])

    token = {"access_token": await token_through(YANDEX_GREETINGS, "Ольга Светлова")}
    registered = await client.call("POST", YANDEX_GREETINGS.registration, token, status=201)
    client.token = registered["token"]
    assert (await client.call("GET", "/api/personal/"))["id"] == registered["id"]
    client.token = None
    again = await token_through(YANDEX, "Ольга Светлова")
    assert (await client.call("GET", f"{YANDEX.login}?access_token={again}"))["refresh"]
    for flow, name in ((VK, "Максим Рощин"), (MAILRU, "Тихон")):
        token_of = await token_through(flow, name)
        assert (await client.call("GET", f"{flow.registration}?access_token={token_of}"))["access"]
    # Without PKCE the state has to come back, too.
    assert await token_through(VK_LEGACY, "Максим Рощин", "state")

    link = await client.call("GET", "/auth/yandex_oauth_url/", credentials="omit")
    await chosen(link["yandex_url"], "Ольга Светлова", f"{site}/**access_token=**")
    fragment = dict(parse_qsl(URL(page.url).raw_fragment))
    login = f"/auth/login_yandex/?oauth_token={fragment['access_token']}"
    assert (await client.call("POST", login))["type"] == "Bearer"


async def test_the_messenger_client(client: Client, factory: Factory) -> None:
    other = await factory.person("petr")
    person = {"username": "anna5", "email": "anna5@example.com", "password": PASSWORD}
    await client.call("POST", "/auth/register/", person)
    signed_in = await client.call("POST", "/auth/login/", {"email": person["email"], "password": PASSWORD})
    client.token = signed_in["token"]
    (found,) = await client.call("GET", "/users/user/?username=petr")
    assert found["id"] == other.id
    chat = await client.call("POST", "/private/start-chat/", {"recipient_id": other.id, "text": "Привет"})
    await client.call("POST", f"/private/add-message/{chat['chat_id']}/", {"text": "Как дела?"})
    messages = await client.call("GET", f"/private/{chat['chat_id']}/messages?limit=10&offset=0")
    assert [one["text"] for one in messages] == ["Как дела?", "Привет"]
    await client.call("PATCH", "/users/upload-avatar/", form={}, files=["avatar_file"])


async def test_the_studio_client(client: Client) -> None:
    phone = "87077776655"
    draft = {"phone_number": phone, "password": PASSWORD, "birthdate": "1990-05-17", "first_name": "Олег"}
    person = await client.call("POST", "/api/accounts/users/", draft, status=201)
    pair = await client.call("POST", "/api/token/", {"phone_number": phone, "password": PASSWORD})
    client.token = pair["access"]
    path = f"/api/profiles/profiles/{person['id']}/"
    await client.call("PATCH", path, form={"bio": "О себе"}, files=["photo"])
    profile = await client.call("GET", path)
    assert (profile["bio"], await client.loads(profile["photo"])) == ("О себе", True)
    form = {"title": "Сайт", "description": "Магазин"}
    order = await client.call("POST", "/api/orders/orders/", form=form, files=["one", "two"], status=201)
    assert len(order["images"]) == 2
    found = await client.call("GET", f"/api/orders/orders/?search={order['order_number']}")
    assert [one["id"] for one in found] == [order["id"]]


async def test_the_identity_client(client: Client) -> None:
    person = {"phone_number": "+79990000003", "email": "lk@example.com", "hash_password": PASSWORD}
    pair = await client.call("POST", "/authorization/registration", person)
    again = {"email": person["email"], "hash_password": PASSWORD}
    assert set(await client.call("POST", "/authorization/login/email", again)) >= {"access", "refresh"}
    checked = await client.call("GET", f"/validate/jwt/refresh?refresh={pair['refresh']}")
    assert checked["email"] == person["email"]
    assert await client.call("GET", "/validate/jwt/access?access=nothing") is False
    # With cookies, which the client asks for on these calls alone.
    assert (await client.call("GET", "/yandex/link", credentials="include")).startswith("http")
