"""Who gets which mail when something happens to an order, in his own language, and who gets none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.kit.moments import day_text
from mystar.kit.money import format_rubles
from mystar.orders.keys import ORDERS
from tests.conftest import Api
from tests.factory import Factory, Person, actor, video
from tests.files.uploading import form
from tests.orders.market import open_market
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually

#: A space that does not break the line.
NB = "\N{NO-BREAK SPACE}"


class Post:
    """The mails that were queued, read where they wait."""

    def __init__(self, app: web.Application) -> None:
        self._db = app[DATABASE]
        self._seen = 0

    async def new(self) -> list[dict[str, Any]]:
        """Since the last look, oldest first."""
        rows = await self._db.all(
            "select id, payload from outbox where topic in ('mail', 'account_mail') and id > %(seen)s order by id",
            seen=self._seen,
        )
        self._seen = max([self._seen, *(row["id"] for row in rows)])
        return [row["payload"] for row in rows]

    async def only(self) -> dict[str, Any]:
        (mail,) = await self.new()
        return mail


@pytest.fixture
async def post(app: web.Application, customer: Person, star: Person) -> Post:
    """Begins after everybody is there."""
    post = Post(app)
    await post.new()
    return post


@pytest.fixture
async def order(factory: Factory, customer: Person, star: Person, post: Post) -> int:
    order = await factory.order(customer, star)
    await post.new()
    return order


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess) -> Iterator[SandboxProcess]:
    return sandbox_process


async def speaks_english(app: web.Application, person: Person) -> None:
    await app[DATABASE].execute("update accounts set language = 'en' where id = %(id)s", id=person.id)


async def test_a_star_is_mailed_about_a_new_order(
    api: Api, factory: Factory, customer: Person, star: Person, post: Post
) -> None:
    number = await factory.order(customer, star, due_date=date(2199, 3, 8), requirements="С <b>8 марта</b>")
    mail = await post.only()
    subject = f"MySTAR: новый заказ №{number} — поздравление (comet), 15 000 ₽"
    assert (mail["to"], mail["subject"], mail["language"]) == (star.email, subject, "ru")
    for words in ("Здравствуйте, comet!", f"№{number}", f"15{NB}000{NB}₽", "olga", "Для мамы", "8 марта 2199"):
        assert words in mail["text"], words
    assert "С <b>8 марта</b>" in mail["text"]
    assert "С &lt;b&gt;8 марта&lt;/b&gt;" in mail["html"]


async def test_mails_are_in_the_language_of_the_recipient(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, post: Post
) -> None:
    await speaks_english(app, star)
    number = await factory.order(customer, star)
    mail = await post.only()
    subject = f"MySTAR: new order no. {number} — a greeting from comet, 15,000 RUB"
    assert (mail["subject"], mail["language"]) == (subject, "en")
    assert f"You have a new order no. {number} for 15,000 RUB from olga." in mail["text"]


async def test_an_acceptance_before_the_payment_invites_to_pay(
    api: Api, app: web.Application, customer: Person, star: Person, order: int, post: Post
) -> None:
    await app[ORDERS].accept(actor(star), order)
    mail = await post.only()
    assert mail["to"] == customer.email
    link = app[ORDERS].link_to_pay(order)
    assert link in mail["text"]
    assert link.replace("&", "&amp;") in mail["html"]


async def test_a_payment_is_mailed_to_both_and_an_acceptance_to_the_customer(
    api: Api,
    app: web.Application,
    factory: Factory,
    sandbox: SandboxProcess,
    customer: Person,
    star: Person,
    order: int,
    post: Post,
) -> None:
    await factory.hold(order, sandbox)
    paid, received = await post.new()
    assert (paid["to"], received["to"]) == (star.email, customer.email)
    assert "примите или отклоните" in paid["text"]
    assert received["subject"] == f"MySTAR: вы оплатили заказ №{order} — поздравление (comet), 15 000 ₽"
    assert "они спишутся, когда comet подтвердит заказ" in received["text"]
    assert "Ответ придёт до: " in received["text"]
    await app[ORDERS].accept(actor(star), order)
    accepted = await post.only()
    assert "принимает ваш заказ" in accepted["text"]
    assert "/payments/" not in accepted["text"]


async def test_a_buyer_of_a_service_reads_that_the_money_is_held_until_the_approval(
    api: Api, app: web.Application, factory: Factory, sandbox: SandboxProcess, post: Post
) -> None:
    """Nothing waits for an answer any more once the work is delivered: its deadline is another one."""
    market = await open_market(app, api, factory)
    order = (await market.place())["id"]
    await market.deliver(order)
    await post.new()
    await factory.hold(order, sandbox)
    paid, received = await post.new()
    assert (paid["to"], received["to"]) == (market.creator.email, market.buyer.email)
    assert "они спишутся, когда вы примете работу" in received["text"]
    assert "Ответьте до" not in paid["text"]
    assert "Ответ придёт до" not in received["text"]


@pytest.mark.parametrize("settings", [{"PAYMENTS__METHODS": '["bank_card", "sbp"]'}], indirect=True)
async def test_a_buyer_who_paid_by_sbp_reads_that_it_is_charged(
    api: Api, factory: Factory, sandbox: SandboxProcess, order: int, post: Post
) -> None:
    await factory.hold(order, sandbox, "sbp")
    _, received = await post.new()
    assert "Деньги списаны сразу; если заказ не состоится, они вернутся." in received["text"]
    assert "удержаны" not in received["text"]


async def test_a_rejection_names_the_reason_and_the_returned_money(
    api: Api,
    app: web.Application,
    factory: Factory,
    sandbox: SandboxProcess,
    customer: Person,
    star: Person,
    order: int,
    post: Post,
) -> None:
    await factory.hold(order, sandbox)
    await post.new()
    await app[ORDERS].reject(actor(star), order, "Уезжаю на гастроли")
    mail = await post.only()
    assert mail["to"] == customer.email
    assert "Уезжаю на гастроли" in mail["text"]
    assert f"15{NB}000{NB}₽ вернутся" in mail["text"]


@pytest.mark.parametrize("who", ["customer", "star"])
async def test_a_cancellation_notifies_the_other_party(
    api: Api, app: web.Application, customer: Person, star: Person, order: int, post: Post, who: str
) -> None:
    doer, other = (customer, star) if who == "customer" else (star, customer)
    await app[ORDERS].cancel(actor(doer), order, "Передумали")
    mail = await post.only()
    assert mail["to"] == other.email
    assert "Передумали" in mail["text"]
    assert "вернутся" not in mail["text"]


async def test_a_cancellation_by_staff_is_mailed_to_both_parties(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, order: int, post: Post
) -> None:
    operator = actor(await factory.staff("operator"), "operator")
    await deliver(api, star, order)
    await app[ORDERS].dispute(actor(customer), order, "Не то имя")
    await post.new()
    await app[ORDERS].cancel(operator, order)
    assert {mail["to"] for mail in await post.new()} == {customer.email, star.email}


async def test_the_mailed_link_opens_a_finished_greeting(
    api: Api,
    app: web.Application,
    factory: Factory,
    sandbox: SandboxProcess,
    customer: Person,
    star: Person,
    order: int,
    post: Post,
) -> None:
    await factory.hold(order, sandbox)
    await post.new()
    await deliver(api, star, order)
    mail = await post.only()
    assert mail["to"] == customer.email
    assert "поздравление готово" in mail["text"]
    link = app[ORDERS].link_to_watch(order)
    assert link in mail["text"]
    assert (await api.get(link)).status == 302


async def test_a_delivery_before_payment_is_mailed_again_after_payment(
    api: Api,
    app: web.Application,
    factory: Factory,
    sandbox: SandboxProcess,
    customer: Person,
    star: Person,
    order: int,
    post: Post,
) -> None:
    await deliver(api, star, order)
    ready = await post.only()
    assert app[ORDERS].link_to_pay(order) in ready["text"]
    assert "откроется, как только вы оплатите" in ready["text"]
    await factory.hold(order, sandbox)
    told = {mail["to"]: mail for mail in await post.new()}
    assert set(told) == {star.email, customer.email}
    assert app[ORDERS].link_to_watch(order) in told[customer.email]["text"]


async def test_a_failed_payment_is_mailed_to_the_customer(
    api: Api, app: web.Application, sandbox: SandboxProcess, customer: Person, order: int, post: Post
) -> None:
    link = await api.get("/api/order/pay/", params={"order_id": order}, as_=customer)
    assert (await api.get((await link.json())["link"])).status == 302
    payment = await sandbox.find_payment(order_id=str(order))
    await sandbox.decline(payment["id"])
    mail = (await eventually(post.new))[0]
    assert mail["to"] == customer.email
    assert app[ORDERS].link_to_pay(order) in mail["text"]
    assert await post.new() == []


@pytest.mark.parametrize("change", ["email = null, email_key = null", "is_active = false"])
async def test_accounts_without_address_and_blocked_ones_get_no_mail(
    api: Api, app: web.Application, star: Person, customer: Person, order: int, post: Post, change: str
) -> None:
    await app[DATABASE].execute(f"update accounts set {change} where id = %(id)s", id=customer.id)
    await app[ORDERS].accept(actor(star), order)
    assert await post.new() == []


async def test_a_rolled_back_event_notifies_no_account(
    api: Api, app: web.Application, factory: Factory, customer: Person, star: Person, post: Post
) -> None:
    with pytest.raises(RuntimeError):
        async with app[DATABASE].shared():
            await factory.order(customer, star)
            raise RuntimeError
    assert await post.new() == []


@pytest.mark.parametrize(
    ("kopecks", "russian", "english"),
    [
        (100, f"1{NB}₽", "1 RUB"),
        (1_500_000, f"15{NB}000{NB}₽", "15,000 RUB"),
        (123_456_789, f"1{NB}234{NB}567,89{NB}₽", "1,234,567.89 RUB"),
        (5, f"0,05{NB}₽", "0.05 RUB"),
    ],
)
def test_amounts_are_formatted_by_language(kopecks: int, russian: str, english: str) -> None:
    assert format_rubles(kopecks, "ru") == russian
    assert format_rubles(kopecks, "en") == english


def test_days_are_written_in_words() -> None:
    assert day_text(date(2030, 3, 8), "ru") == "8 марта 2030"
    assert day_text(date(2030, 3, 8), "en") == "8 March 2030"


async def deliver(api: Api, star: Person, order: int) -> None:
    body = form(star_id=star.id, order_id=order, video_con=("mum.mp4", video()))
    assert (await api.post("/api/upload/congritulatoin/", data=body, as_=star)).status == 201
