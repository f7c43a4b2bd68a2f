"""Orders in the greetings dialect: use by customer and star, and misuse."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from yarl import URL

from mystar.accounts.keys import STAFF
from mystar.catalog.keys import CATALOG
from mystar.catalog.model import GreetingPricing
from mystar.contracts.greetings.orders import OrderItem
from mystar.creators.keys import CREATORS
from mystar.kit.keys import DATABASE
from mystar.orders.keys import ORDER_READS, ORDERS
from tests.conftest import Api
from tests.factory import Factory, Person, actor, video
from tests.files.uploading import form
from tests.sandbox_process import SandboxProcess
from tests.subtests import as_subtests
from tests.waiting import eventually

TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()


@pytest.fixture
async def customer(factory: Factory) -> Person:
    return await factory.person("olga")


@pytest.fixture
async def star(factory: Factory) -> Person:
    category = await factory.category("Хип-Хоп")
    return await factory.star("comet", price=4_500_000, category_id=category, invitation_price=9_000_000)


@pytest.fixture
async def stranger(factory: Factory) -> Person:
    return await factory.star("stranger")


@pytest.fixture
async def order(factory: Factory, customer: Person, star: Person) -> int:
    return await factory.order(customer, star)


def draft(customer: Person, star: Person, **changes: Any) -> dict[str, Any]:
    """The document's own body: every value is a text, and there is no date."""
    body = {
        "customer_id": str(customer.id),
        "star_id": str(star.id),
        "order_price": "45000.00",
        "for_whom": "Для Мамы",
        "comment": "Хочу поздравить маму с днем рождения",
        "status_order": "0",
    }
    return {key: value for key, value in {**body, **changes}.items() if value is not ...}


async def decide(api: Api, person: Person, order_id: object, word: object = "accept", **how: Any) -> ClientResponse:
    return await api.post("/api/orderaccept/", {"order_id": order_id, "accept": word}, as_=person, **how)


async def listed(api: Api, person: Person, *, is_star: str = "false") -> list[dict[str, Any]]:
    answer = await api.get("/api/order/list/", params={"is_star": is_star, "user_id": person.id}, as_=person)
    assert answer.status == 200
    items: list[dict[str, Any]] = await answer.json()
    return items


async def status_of(api: Api, person: Person) -> int:
    (item,) = await listed(api, person)
    return int(item["status_order"])


async def upload(api: Api, star: Person, order_id: int) -> ClientResponse:
    body = form(star_id=star.id, order_id=order_id, video_con=("mum.mp4", video()))
    return await api.post("/api/upload/congritulatoin/", data=body, as_=star)


# Placing


async def test_an_order_is_placed_by_the_documents_own_body(api: Api, customer: Person, star: Person) -> None:
    answer = await api.post("/api/order/", draft(customer, star), as_=customer)
    assert answer.status == 201
    body = await answer.json()
    assert body == {"order_id": body["order_id"], "message": "Заказ создан!"}

    (item,) = await listed(api, customer)
    seed = {
        "id": body["order_id"],
        "customer_id": customer.id,
        "star_id": star.id,
        "payment_id": "",
        "order_price": "45000.00",
        "by_time": "23:59:00",
        "for_whom": "Для Мамы",
        "comment": "Хочу поздравить маму с днем рождения",
        "status_order": 0,
        "star": "comet",
        "star_avatar": "нет фото",
        "cat_name": "Хип-Хоп",
        "username": "olga",
        "profession": "Певица",
        "customer_username": "olga",
        "video": "Видео не готово",
        "type": "Видео-поздравление",
    }
    assert {key: item[key] for key in seed} == seed
    # Without a date the order is due after the star's delivery days.
    assert item["by_date"] == (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert [action["name"] for action in item["allowed_actions"]] == ["pay", "cancel"]


async def test_an_order_may_be_sent_as_a_form(api: Api, customer: Person, star: Person) -> None:
    body = draft(customer, star, by_date=TOMORROW, by_time="09:27", type="", status_order="3")
    answer = await api.post("/api/order/", data=body, as_=customer)
    assert answer.status == 201
    (item,) = await listed(api, customer)
    assert (item["by_date"], item["by_time"], item["status_order"]) == (TOMORROW, "09:27:00", 0)


async def test_an_invitation_has_a_price_of_its_own(api: Api, customer: Person, star: Person, stranger: Person) -> None:
    wish = {"type": "Приглашение на праздник", "order_price": "90000.00"}
    assert (await api.post("/api/order/", draft(customer, star, **wish), as_=customer)).status == 201
    (item,) = await listed(api, customer)
    assert (item["order_price"], item["type"]) == ("90000.00", "Приглашение на праздник")
    refused = await api.post("/api/order/", draft(customer, stranger, **wish), as_=customer)
    assert refused.status == 400
    assert await refused.json() == ["Эта звезда не записывает приглашения."]


async def test_read_only_fields_of_an_order_are_ignored(
    api: Api, app: web.Application, customer: Person, star: Person, stranger: Person
) -> None:
    """Promise M10."""
    forged = {
        "status_order": 3,
        "status": "completed",
        "money": "captured",
        "money_goal": "give_back",
        "buyer_id": stranger.id,
        "creator_id": 1,
        "service_id": 1,
        "price": 1,
        "total_price": 1,
        "payment_id": "x",
        "id": 4711,
    }
    answer = await api.post("/api/order/", draft(customer, star, **forged), as_=customer)
    assert answer.status == 201
    row = await app[DATABASE].one("select * from orders")
    assert (row["status"], row["money"], row["money_goal"]) == ("pending", "none", "hold")
    assert (row["buyer_id"], row["price"], row["total_price"]) == (customer.id, 4_500_000, 4_500_000)
    assert row["id"] != 4711


@as_subtests
@pytest.mark.parametrize(
    ("changes", "status", "names"),
    [
        ({"star_id": ...}, 400, {"star_id"}),
        ({"star_id": "abc"}, 400, {"star_id"}),
        ({"star_id": True}, 400, {"star_id"}),
        ({"star_id": 2**70}, 400, {"star_id"}),
        ({"for_whom": "м" * 129}, 400, {"for_whom"}),
        ({"for_whom": ...}, 400, {"for_whom"}),
        ({"for_whom": "\x00"}, 400, {"for_whom"}),
        ({"for_whom": {"a": 1}}, 400, {"for_whom"}),
        ({"comment": "м" * 2001}, 400, {"comment"}),
        ({"order_price": "-1"}, 400, {"order_price"}),
        ({"order_price": "45000.001"}, 400, {"order_price"}),
        ({"order_price": "NaN"}, 400, {"order_price"}),
        ({"by_date": "2020-01-01"}, 400, {"by_date"}),
        ({"by_date": "завтра"}, 400, {"by_date"}),
        ({"by_time": "25:00"}, 400, {"by_time"}),
        ({"type": "Песня"}, 400, {"type"}),
        ({"star_id": 999_999}, 404, None),
        ({"customer_id": 999_999}, 403, None),
        ({"order_price": "44999.00"}, 409, None),
    ],
)
async def test_a_bad_order_is_refused_and_nothing_is_kept(
    api: Api,
    app: web.Application,
    customer: Person,
    star: Person,
    changes: dict[str, Any],
    status: int,
    names: set[str] | None,
) -> None:
    answer = await api.post("/api/order/", draft(customer, star, **changes), as_=customer)
    body = await answer.json()
    assert answer.status == status, body
    assert set(body) == names if names else len(body) == 1
    assert await app[DATABASE].value("select count(*) from orders") == 0


@as_subtests
@pytest.mark.parametrize("body", [b"{", b"[]", b'"order"', b"[1]", b"\xff"])
async def test_a_body_that_is_no_order_is_refused(api: Api, customer: Person, body: bytes) -> None:
    answer = await api.post("/api/order/", data=body, as_=customer, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert await answer.json()


async def test_a_stale_price_is_refused_with_the_current_one(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person
) -> None:
    creator, terms = await app[CREATORS].by_account(star.id), GreetingPricing(5_000_000, await factory.category())
    async with app[DATABASE].transaction() as tx:
        await app[CATALOG].set_greeting(tx, creator.id, terms)
    answer = await api.post("/api/order/", draft(customer, star), as_=customer)
    assert answer.status == 409
    assert await answer.json() == ["Цена изменилась: сейчас 50000.00 ₽."]


async def test_a_star_cannot_order_from_itself(api: Api, star: Person) -> None:
    answer = await api.post("/api/order/", draft(star, star), as_=star, language="en")
    assert answer.status == 400
    assert await answer.json() == ["You cannot order from yourself."]


async def test_a_guest_orders_nothing(api: Api, customer: Person, star: Person) -> None:
    answer = await api.post("/api/order/", draft(customer, star))
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_repeated_order_with_a_key_is_one_order(
    api: Api, app: web.Application, customer: Person, star: Person
) -> None:
    headers = {"Idempotency-Key": "9a7c"}
    answers = [await api.post("/api/order/", draft(customer, star), as_=customer, headers=headers) for _ in range(3)]
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert len({await answer.read() for answer in answers}) == 1
    other = await api.post("/api/order/", draft(customer, star, comment="другое"), as_=customer, headers=headers)
    assert other.status == 422
    assert await app[DATABASE].value("select count(*) from orders") == 1
    assert await app[DATABASE].value("select count(*) from outbox where topic = 'mail'") == 1


# Lists


async def test_the_star_s_list_shows_customers(api: Api, customer: Person, star: Person, order: int) -> None:
    (item,) = await listed(api, star, is_star="true")
    assert (item["id"], item["customer_id"], item["customer_username"]) == (order, customer.id, "olga")
    assert item["customer_avatar"] == "нет фото"
    assert [action["name"] for action in item["allowed_actions"]] == ["accept", "reject", "deliver", "cancel"]
    assert await listed(api, star) == []
    assert await listed(api, customer, is_star="true") == []


async def test_a_list_has_the_documented_keys_and_counts_what_there_is(
    api: Api, factory: Factory, customer: Person, star: Person
) -> None:
    first, second = await factory.order(customer, star), await factory.order(customer, star)
    answer = await api.get("/api/order/list/", as_=customer)
    items = await answer.json()
    assert [item["id"] for item in items] == [second, first]
    assert answer.headers["X-Total-Count"] == "2"
    assert "Link" not in answer.headers
    assert set(items[0]) == set(OrderItem().fields)


async def test_the_star_s_own_list_has_no_key_star(api: Api, customer: Person, star: Person, order: int) -> None:
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


# Deciding


@pytest.mark.parametrize(("word", "said", "number"), [("accept", "Заказ принят", 1), ("reject", "Заказ отклонен", -1)])
@pytest.mark.parametrize("path", ["/api/orderaccept/", "/api/order/accept/", "/api/order/accept"])
async def test_a_star_decides(
    api: Api, customer: Person, star: Person, order: int, word: str, said: str, number: int, path: str
) -> None:
    answer = await api.post(path, {"order_id": str(order), "accept": word}, as_=star)
    assert answer.status == 201
    assert await answer.json() == [said]
    assert await status_of(api, customer) == number
    again = await api.post(path, {"order_id": order, "accept": word}, as_=star)
    assert again.status == 409
    assert await again.json() == ["Сейчас с заказом этого сделать нельзя."]


@as_subtests
@pytest.mark.parametrize("word", ["maybe", "", None, 1, ["accept"]])
async def test_a_decision_is_yes_or_no(api: Api, star: Person, order: int, word: object) -> None:
    answer = await decide(api, star, order, word)
    assert answer.status == 400
    assert await answer.json() == ["Не установлен статус заказа."]


async def test_only_the_orders_star_decides(
    api: Api, factory: Factory, customer: Person, star: Person, stranger: Person, order: int
) -> None:
    staff = await factory.staff()
    people = {customer: 403, staff: 403, stranger: 404}
    for person, status in people.items():
        for word in ("accept", "reject"):
            assert (await decide(api, person, order, word)).status == status
    assert (await decide(api, star, order + 1)).status == 404
    assert (await decide(api, star, "undefined")).status == 400
    assert await status_of(api, customer) == 0


async def test_a_paid_order_is_charged_by_the_acceptance(
    api: Api, factory: Factory, sandbox_process: SandboxProcess, customer: Person, star: Person, order: int
) -> None:
    await factory.hold(order, sandbox_process)
    assert await status_of(api, customer) == 2
    answer = await decide(api, star, order)
    assert answer.status == 201
    # A healthy provider has done its part before the star has her answer.
    (item,) = await listed(api, customer)
    assert (item["status_order"], item["money"]) == (3, "captured")
    assert item["payment_id"]
    assert (await decide(api, star, order)).status == 409


async def test_an_acceptance_does_not_wait_for_a_provider_that_is_down(
    api: Api, factory: Factory, sandbox_process: SandboxProcess, customer: Person, star: Person, order: int
) -> None:
    await factory.hold(order, sandbox_process)
    await sandbox_process.faults(down=True)
    try:
        answer = await decide(api, star, order, headers={"Idempotency-Key": "slow"})
        assert answer.status == 201
        assert await status_of(api, customer) == 2
    finally:
        await sandbox_process.reset()
    await eventually(lambda: charged(api, customer))


async def charged(api: Api, customer: Person) -> bool:
    return await status_of(api, customer) == 3


async def test_a_refused_order_gives_the_money_back(
    api: Api, factory: Factory, sandbox_process: SandboxProcess, customer: Person, star: Person, order: int
) -> None:
    await factory.hold(order, sandbox_process)
    assert (await decide(api, star, order, "reject")).status == 201
    assert await status_of(api, customer) == -1
    await eventually(lambda: money_is(api, customer, "released"))


async def money_is(api: Api, customer: Person, word: str) -> bool:
    (item,) = await listed(api, customer)
    return bool(item["money"] == word)


@pytest.mark.parametrize("who", ["customer", "star"])
async def test_a_cancelled_order_is_refunded_in_full(
    api: Api,
    factory: Factory,
    sandbox_process: SandboxProcess,
    customer: Person,
    star: Person,
    stranger: Person,
    order: int,
    who: str,
) -> None:
    await factory.hold(order, sandbox_process)
    await decide(api, star, order)
    assert (await api.post("/api/order/cancel/", {"order_id": order}, as_=stranger)).status == 404
    person = customer if who == "customer" else star
    answer = await api.post("/api/order/cancel/", {"order_id": order, "reason": "Передумали"}, as_=person)
    assert answer.status == 201
    assert await answer.json() == ["Заказ отменен"]
    assert await status_of(api, customer) == -1
    await eventually(lambda: money_is(api, customer, "refunded"))
    payment = await sandbox_process.find_payment(order_id=str(order))
    assert (payment["held"], payment["refunded"]) == (0, 4_500_000)


@pytest.mark.parametrize(
    ("first", "second"), [("accept", "accept"), ("reject", "reject"), ("accept", "reject"), ("reject", "cancel")]
)
async def test_of_two_who_act_at_once_one_wins(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, first: str, second: str
) -> None:
    """Promise M8, short."""

    async def act(order_id: int, action: str) -> ClientResponse:
        if action == "cancel":
            return await api.post("/api/order/cancel/", {"order_id": order_id}, as_=customer)
        return await decide(api, star, order_id, action)

    for _ in range(5):
        order_id = await factory.order(customer, star)
        answers = await asyncio.gather(act(order_id, first), act(order_id, second))
        assert sorted(answer.status for answer in answers) == [201, 409]
        timeline = await app[ORDER_READS].timeline(actor(customer), order_id)
        assert [event.from_status for event in timeline] == [None, "pending"]


# The greeting


async def test_the_detail_has_price_and_video(
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
async def test_details_of_nothing(api: Api, customer: Person, order: int, params: dict[str, str], status: int) -> None:
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


async def test_an_unpaid_greeting_stays_closed_until_it_is_paid_for(
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


async def test_a_mailed_link_is_good_for_its_own_order_only(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, order: int
) -> None:
    link = URL(app[ORDERS].link_to_watch(order)).relative()
    for query in ({"sig": "x"}, {"order_id": str(order + 1)}, {"sig": "ж"}):
        assert (await api.get(str(link.update_query(query)))).status == 404
    paying = URL(app[ORDERS].link_to_pay(order)).query["sig"]
    assert (await api.get(str(link.update_query(sig=paying)))).status == 404
    assert (await api.get("/api/order/video/")).status == 400


async def test_a_blocked_account_cannot_act_on_orders(
    api: Api, app: web.Application, factory: Factory, star: Person, order: int
) -> None:
    staff = await factory.staff()
    await app[STAFF].block(actor(staff, "owner"), star.id)
    assert (await decide(api, star, order)).status == 401
