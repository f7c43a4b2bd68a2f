"""The product's main job, from registration to a played greeting, walked over HTTP as a person's browser would walk it.

The service listens on a port; mail and money go to the sandbox, which is another process and speaks the real protocols.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from yarl import URL

from tests.conftest import Api
from tests.factory import PASSWORD, Factory, Person, picture, video
from tests.greeting_journey import (
    become_star,
    decide,
    form,
    join,
    mails_about,
    money_is,
    money_word_is,
    ok,
    order_of,
    pay_at,
    pay_like_a_browser,
    payments_of,
    place,
    status_is,
)
from tests.sandbox_process import SandboxProcess, sandbox_in
from tests.waiting import eventually


@pytest.fixture
def sandbox_process(tmp_path: Path) -> Iterator[SandboxProcess]:
    """One of its own for every test here, so that its mails and payments are this test's alone."""
    with sandbox_in(tmp_path / "sandbox") as process:
        yield process


@pytest.fixture
async def sandbox(sandbox_process: SandboxProcess, api: Api) -> SandboxProcess:
    await sandbox_process.set_webhook(f"{api.url}/payments/notifications/")
    return sandbox_process


@pytest.fixture
async def customer(api: Api, sandbox: SandboxProcess) -> Person:
    return await join(api, sandbox, "olga")


@pytest.fixture
async def star(api: Api, sandbox: SandboxProcess, factory: Factory) -> Person:
    category = await factory.category("Музыка")
    return await become_star(api, await join(api, sandbox, "comet"), category)


async def test_from_registration_to_a_played_greeting(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person
) -> None:
    # The star shows herself.
    for path, fields in (
        ("/api/upload/avatar/", {"user_id": star.id, "image": ("me.jpg", picture())}),
        ("/api/upload/video/hi/", {"star_id": star.id, "video_hi": ("hi.mp4", video())}),
    ):
        assert (await api.post(path, data=form(fields), as_=star)).status == 201

    # The customer looks around: categories, the list, one category, one star.
    (category,) = await ok(await api.get("/api/categories/"), 201)
    (listed,) = await ok(await api.get("/api/star/getlist/"), 201)
    assert listed["id"] == star.id
    (found,) = await ok(await api.get("/api/star/category/", params={"id": category["id"]}))
    assert (found["username"], found["price"], found["phone"], found["email"]) == ("comet", "15000.00", None, None)
    opened = await ok(await api.get("/api/star/id/", params={"id": star.id}))
    assert opened["cat_name_id"] == category["id"]
    assert (await api.get(found["avatar"])).status == 200

    # He orders and pays at the provider's page: the money is held.
    order_id = await place(api, customer, star)
    assert (await order_of(api, customer, order_id))["status_order"] == 0
    await sandbox.wait_for_mail(star.email, "MySTAR: новый заказ")
    await pay_like_a_browser(api, customer, order_id, "pay")
    await eventually(lambda: status_is(api, customer, order_id, 2))
    (payment,) = await payments_of(sandbox, order_id)
    assert (payment["status"], payment["held"], payment["captured"]) == ("waiting_for_capture", 1500000, 0)

    # The star sees the order and accepts: the money is captured.
    (seen,) = await ok(await api.get("/api/order/list/", params={"is_star": "true", "user_id": star.id}, as_=star))
    assert (seen["id"], seen["for_whom"], seen["customer_username"]) == (order_id, "Для мамы", "olga")
    assert await ok(await decide(api, star, order_id, "accept"), 201) == ["Заказ принят"]
    await eventually(lambda: status_is(api, customer, order_id, 3))
    (payment,) = await payments_of(sandbox, order_id)
    assert (payment["status"], payment["held"], payment["captured"]) == ("succeeded", 0, 1500000)

    # She uploads the greeting; the customer is told by mail, plays it, and a stranger does not.
    greeting = video()
    body = form({"star_id": star.id, "order_id": order_id, "video_con": ("mum.mp4", greeting)})
    uploaded = await ok(await api.post("/api/upload/congritulatoin/", data=body, as_=star), 201)
    assert uploaded["video_con"].startswith(f"/media/congratulation/{star.id}/")
    await eventually(lambda: mails_about(sandbox, customer, "поздравление"))
    detail = await ok(await api.get("/api/order/cust/detail/", params={"order_id": order_id}, as_=customer))
    assert detail["star_username"] == "comet"
    assert detail["order_price"] == 15000.0
    played = await api.get(f"/media/{detail['video']}", as_=customer, headers={"Range": "bytes=0-99"})
    assert (played.status, await played.read()) == (206, greeting[:100])
    stranger = await join(api, sandbox, "stranger")
    # The path carries a signature, so that players without a token can use it; without it, the file is private.
    unsigned = detail["video"].partition("?")[0]
    for reader in (None, stranger):
        assert (await api.get(f"/media/{unsigned}", as_=reader)).status == 404
    assert (await order_of(api, customer, order_id))["status_order"] == 3

    # He rates and likes her, once.
    vote = {"rating": "5", "adresat": customer.id, "adresant": star.id}
    assert await ok(await api.put("/api/ratestar/", vote, as_=customer), 201) == ["Оценка выставлена"]
    assert await ok(await api.put("/api/ratestar/", vote, as_=customer), 403) == ["Рейтинг уже выставлен"]
    like = {"star_id": star.id, "cust_id": customer.id}
    assert await ok(await api.post("/api/star/like/", like, as_=customer), 201) == ["Оценка выставлена"]
    assert await ok(await api.post("/api/star/like/", like, as_=customer), 403) == ["Лайк уже стоит"]
    (rated,) = await ok(await api.get("/api/star/category/", params={"id": category["id"]}))
    assert (rated["rating"], rated["likes"]) == (5, 1)
    page = await ok(await api.get("/api/personal/", params={"is_star": "true", "user_id": star.id}, as_=star))
    assert page["likes"] == 1


async def test_a_star_accepts_before_the_payment(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person
) -> None:
    order_id = await place(api, customer, star)
    assert await ok(await decide(api, star, order_id, "accept"), 201) == ["Заказ принят"]
    assert (await order_of(api, customer, order_id))["status_order"] == 1

    # The mail invites him to pay; its link needs no token.
    mail = await eventually(lambda: mails_about(sandbox, customer, "/payments/?order_id="))
    link = next(link for link in mail["links"] if "/payments/?order_id=" in link)
    await pay_at(api, link, "pay")
    await eventually(lambda: status_is(api, customer, order_id, 2))

    # The hold that follows an acceptance is captured when the greeting is there.
    body = form({"star_id": star.id, "order_id": order_id, "video_con": ("mum.mp4", video())})
    assert (await api.post("/api/upload/congritulatoin/", data=body, as_=star)).status == 201
    await eventually(lambda: status_is(api, customer, order_id, 3))


async def test_a_star_captures_a_later_hold_by_the_capture_link(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person
) -> None:
    order_id = await place(api, customer, star)
    await decide(api, star, order_id, "accept")
    await pay_like_a_browser(api, customer, order_id, "pay")
    await eventually(lambda: status_is(api, customer, order_id, 2))

    answer = await ok(await api.get("/api/order/pay/capture/", params={"order_id": order_id}, as_=star))
    assert answer["link"].endswith(f"/payments/notifications/?order_id{order_id}")
    assert (await api.post(answer["link"], as_=customer)).status == 403
    assert (await api.post(answer["link"])).status == 401
    assert (await api.post(answer["link"], as_=star)).status == 200
    await eventually(lambda: status_is(api, customer, order_id, 3))


async def test_a_rejected_order_releases_the_hold(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person
) -> None:
    order_id = await place(api, customer, star)
    await pay_like_a_browser(api, customer, order_id, "pay")
    await eventually(lambda: status_is(api, customer, order_id, 2))

    assert await ok(await decide(api, star, order_id, "reject"), 201) == ["Заказ отклонен"]

    assert (await order_of(api, customer, order_id))["status_order"] == -1
    await eventually(lambda: money_is(sandbox, order_id, held=0, captured=0, released=1500000))
    assert (await decide(api, star, order_id, "accept")).status == 409


async def test_a_declined_card_leaves_an_order_that_can_be_paid_again(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person
) -> None:
    order_id = await place(api, customer, star)
    await pay_like_a_browser(api, customer, order_id, "decline")
    await eventually(lambda: money_word_is(api, customer, order_id, "failed"))
    assert (await order_of(api, customer, order_id))["status_order"] == 0

    await pay_like_a_browser(api, customer, order_id, "pay")
    await eventually(lambda: status_is(api, customer, order_id, 2))
    assert [payment["status"] for payment in await payments_of(sandbox, order_id)] == [
        "canceled",
        "waiting_for_capture",
    ]


async def test_a_customer_changes_the_password_by_the_mailed_link_and_its_form(
    api: Api, sandbox: SandboxProcess, customer: Person
) -> None:
    assert await ok(await api.post("/password_reset/", {"email": customer.email.upper()})) == {"status": "OK"}
    mail = await sandbox.wait_for_mail(customer.email, "Password Reset")
    link = next(link for link in mail["links"] if "/password_reset/confirm/?token=" in link)
    page = await api.get(link, headers={"Accept": "text/html"})
    assert page.status == 200
    assert "<form" in await page.text()

    token = URL(link).query["token"]
    new = "Another-Word-For-Mum-8"
    assert await ok(await api.post("/password_reset/confirm/", {"password": new, "token": token})) == {"status": "OK"}

    assert (await api.get("/api/personal/", as_=customer)).status == 401
    assert (await api.post("/api/login/", {"login": customer.email, "password": PASSWORD})).status == 404
    assert (await api.post("/api/login/", {"login": customer.email, "password": new})).status == 201
    again = await api.post("/password_reset/confirm/", {"password": new, "token": token})
    assert await ok(again, 404) == {"status": "notfound"}
