"""The lists of orders, and the details of one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiohttp import web
from yarl import URL

from mystar.contracts.greetings.orders import OrderItem
from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE
from mystar.orders.keys import ORDERS
from tests.clock import FrozenClock
from tests.conftest import Api
from tests.contracts.greetings.orders.order_requests import charged, decide, listed, status_of, upload
from tests.factory import Factory, Person
from tests.sandbox_process import SandboxProcess
from tests.subtests import as_subtests
from tests.waiting import eventually


async def test_the_list_of_a_star_shows_customers(api: Api, customer: Person, star: Person, order: int) -> None:
    (item,) = await listed(api, star, is_star="true")
    assert (item["id"], item["customer_id"], item["customer_username"]) == (order, customer.id, "olga")
    assert item["customer_avatar"] == "нет фото"
    assert [action["name"] for action in item["allowed_actions"]] == ["accept", "reject", "deliver", "cancel"]
    assert await listed(api, star) == []
    assert await listed(api, customer, is_star="true") == []


async def test_a_list_has_the_documented_keys_and_counts(
    api: Api, factory: Factory, customer: Person, star: Person
) -> None:
    first, second = await factory.order(customer, star), await factory.order(customer, star)
    answer = await api.get("/api/order/list/", as_=customer)
    items = await answer.json()
    assert [item["id"] for item in items] == [second, first]
    assert answer.headers["X-Total-Count"] == "2"
    assert "Link" not in answer.headers
    assert set(items[0]) == set(OrderItem().fields)


async def test_the_own_list_of_a_star_has_no_key_star(api: Api, customer: Person, star: Person, order: int) -> None:
    (item,) = await listed(api, star, is_star="true")
    assert (item["id"], item["username"], item["customer_username"]) == (order, "comet", "olga")
    assert set(item) == set(OrderItem().fields) - {"star"}


async def test_a_list_ends_after_a_thousand(api: Api, app: web.Application, customer: Person, order: int) -> None:
    columns = "kind, service_id, creator_id, buyer_id, price, total_price, by_date, by_time"
    await app[DATABASE].execute(
        f"insert into orders ({columns}) select {columns} from orders, generate_series(1, 1004)"
    )
    answer = await api.get("/api/order/list/", as_=customer)
    assert len(await answer.json()) == 1000
    assert answer.headers["X-Total-Count"] == "1005"
    assert answer.headers["Link"] == '</api/order/list/?page=2>; rel="next"'
    rest = await api.get("/api/order/list/?page=2", as_=customer)
    assert len(await rest.json()) == 5
    assert rest.headers["Link"] == '</api/order/list/?page=1>; rel="prev"'


@as_subtests
@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"is_star": "maybe"}, 400),
        ({"user_id": "undefined"}, 200),
        ({"user_id": "first"}, 400),
        ({"user_id": "1000000"}, 403),
        ({"page": "0"}, 400),
    ],
)
async def test_list_parameters_are_checked(api: Api, customer: Person, params: dict[str, str], status: int) -> None:
    answer = await api.get("/api/order/list/", params=params, as_=customer)
    assert answer.status == status


async def test_the_details_have_price_and_video(
    api: Api, factory: Factory, sandbox_process: SandboxProcess, customer: Person, star: Person, order: int
) -> None:
    address = "/api/order/cust/detail/"
    asked = await api.get(address, json={"order_id": str(order), "star_id": str(star.id)}, as_=customer)
    assert asked.status == 200
    assert await asked.text() == '{"star_username":"comet","order_price":45000.00}'

    await factory.hold(order, sandbox_process)
    uploaded = await upload(api, star, order)
    assert uploaded.status == 201
    detail = await (await api.get(address, params={"order_id": order}, as_=customer)).json()
    path = (await uploaded.json())["video_con"].removeprefix("/media/")
    assert detail["video"].startswith(f"{path}?expires=")
    # Without a token, as a video element of the client loads it.
    assert (await api.get(f"/media/{detail['video']}")).status == 200
    assert (await api.get(detail["video_url"])).status == 200
    (item,) = await listed(api, customer)
    assert item["video"] == detail["video"]
    assert await status_of(api, customer) == 3


@as_subtests
@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"order_id": "undefined"}, 400),
        ({"order_id": "999999"}, 404),
        ({"star_id": "999999"}, 404),
    ],
)
async def test_details_of_an_unknown_order_are_refused(
    api: Api, customer: Person, order: int, params: dict[str, str], status: int
) -> None:
    if "star_id" in params:
        params = {"order_id": str(order), **params}
    answer = await api.get("/api/order/cust/detail/", params=params, as_=customer)
    assert answer.status == status


async def test_details_are_for_the_parties_and_staff(
    api: Api, factory: Factory, customer: Person, star: Person, stranger: Person, order: int
) -> None:
    staff = await factory.staff("viewer")
    for person, status in {customer: 200, star: 200, staff: 200, stranger: 404}.items():
        answer = await api.get("/api/order/cust/detail/", params={"order_id": order}, as_=person)
        assert answer.status == status
    assert (await api.get("/api/order/cust/detail/", params={"order_id": order})).status == 401


@pytest.mark.one_process("set the clock of the service")
async def test_the_video_of_an_unpaid_greeting_is_hidden_until_it_is_paid(
    api: Api,
    app: web.Application,
    factory: Factory,
    sandbox_process: SandboxProcess,
    customer: Person,
    star: Person,
    order: int,
) -> None:
    assert (await decide(api, star, order)).status == 201
    path = (await (await upload(api, star, order)).json())["video_con"]
    watch = URL(app[ORDERS].link_to_watch(order)).relative()
    (item,) = await listed(api, customer)
    assert (item["status_order"], item["video_url"]) == (1, None)
    assert (await api.get(path, as_=customer)).status == 404
    assert (await api.get(str(watch))).status == 404

    await factory.hold(order, sandbox_process)
    await eventually(lambda: charged(api, customer))
    assert (await api.get(path, as_=customer)).status == 200
    played = await api.get(str(watch))
    assert played.status == 302
    assert (await api.get(played.headers["Location"])).status == 200
    for days, status in ((29, 302), (32, 404)):
        app[ORDERS]._clock = FrozenClock(Clock().now() + timedelta(days=days))
        assert (await api.get(str(watch), allow_redirects=False)).status == status


async def test_a_mailed_link_is_valid_for_its_own_order_only(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, order: int
) -> None:
    link = URL(app[ORDERS].link_to_watch(order)).relative()
    for query in ({"sig": "x"}, {"order_id": str(order + 1)}, {"sig": "ж"}):
        assert (await api.get(str(link.update_query(query)))).status == 404
    paying = URL(app[ORDERS].link_to_pay(order)).query["sig"]
    assert (await api.get(str(link.update_query(sig=paying)))).status == 404
    assert (await api.get("/api/order/video/")).status == 400
