"""What people do and see in the main job, over HTTP: verbs that tests of whole walks are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from tests.conftest import Api
from tests.factory import PASSWORD, Person
from tests.sandbox_process import SandboxProcess

# What a person does.


async def join(api: Api, sandbox: SandboxProcess, username: str) -> Person:
    """Register, confirm the address by the mailed link, log in."""
    email = f"{username}@mystar.example.com"
    draft = {
        "username": username,
        "phone": f"8916{abs(hash(username)) % 10**7:07}",
        "email": email,
        "password": PASSWORD,
    }
    answer = await api.post("/api/registration/", draft)
    assert await ok(answer, 201) == ["Подтвердите Ваш Email"]
    mail = await sandbox.wait_for_mail(email)
    link = next(link for link in mail["links"] if "/api/registration-confirm/" in link)
    confirmed = await ok(await api.get(link))
    assert confirmed["username"] == username
    entered = await ok(await api.post("/api/login/", {"login": email, "password": PASSWORD}), 201)
    assert entered["is_star"] is False
    return Person(entered["id"], username, email, PASSWORD, entered["token"], None)


async def become_star(api: Api, person: Person, category: int) -> Person:
    draft = {"price": "15000.00", "cat_name_id": category, "profession": "Певица", "description": "Пою для вас"}
    await ok(await api.post("/api/star/create/", draft, as_=person), 201)
    return person


async def place(api: Api, customer: Person, star: Person) -> int:
    draft = {
        "customer_id": str(customer.id),
        "star_id": str(star.id),
        "order_price": "15000.00",
        "for_whom": "Для мамы",
        "comment": "Хочу поздравить маму с днём рождения",
        "by_date": (datetime.now(UTC) + timedelta(days=7)).date().isoformat(),
        "status_order": "0",
    }
    answer = await ok(await api.post("/api/order/", draft, as_=customer), 201)
    assert answer["message"] == "Заказ создан!"
    return int(answer["order_id"])


async def decide(api: Api, star: Person, order_id: int, word: str) -> aiohttp.ClientResponse:
    return await api.post("/api/orderaccept/", {"order_id": str(order_id), "accept": word}, as_=star)


async def pay_like_a_browser(api: Api, customer: Person, order_id: int, button: str) -> None:
    answer = await ok(await api.get("/api/order/pay/", params={"order_id": order_id}, as_=customer))
    await pay_at(api, answer["link"], button)


async def pay_at(api: Api, link: str, button: str) -> None:
    """Open the link in a tab of its own, which has no token, follow it to the provider and press a button there."""
    async with aiohttp.ClientSession() as tab:
        async with tab.get(link) as page:
            assert page.status == 200, await page.text()
            assert not page.url.path.startswith("/payments/"), "still at ours, not at the provider's page"
            assert f'id="{button}"' in await page.text()
            address = page.url
        async with tab.post(address, data={"action": button}) as back:
            assert back.status == 200, await back.text()


# What can be seen.


async def ok(answer: aiohttp.ClientResponse, status: int = 200) -> Any:
    assert answer.status == status, f"{answer.method} {answer.url}: {answer.status} {await answer.text()}"
    return await answer.json()


async def order_of(api: Api, customer: Person, order_id: int) -> dict[str, Any]:
    params = {"is_star": "false", "user_id": customer.id}
    orders = await ok(await api.get("/api/order/list/", params=params, as_=customer))
    return next(order for order in orders if order["id"] == order_id)


async def status_is(api: Api, customer: Person, order_id: int, status: int) -> bool:
    return bool((await order_of(api, customer, order_id))["status_order"] == status)


async def money_word_is(api: Api, customer: Person, order_id: int, word: str) -> bool:
    return bool((await order_of(api, customer, order_id))["money"] == word)


async def payments_of(sandbox: SandboxProcess, order_id: int) -> list[dict[str, Any]]:
    return [one for one in await sandbox.payments() if one["metadata"].get("order_id") == str(order_id)]


async def money_is(sandbox: SandboxProcess, order_id: int, **kopecks: int) -> bool:
    payment = (await payments_of(sandbox, order_id))[-1]
    return all(payment[name] == amount for name, amount in kopecks.items())


async def mails_about(sandbox: SandboxProcess, person: Person, words: str) -> dict[str, Any] | None:
    mails = await sandbox.mails(person.email)
    return next((mail for mail in mails if words in mail["text"] or words in mail["subject"]), None)


def form(fields: dict[str, Any]) -> aiohttp.FormData:
    data = aiohttp.FormData()
    for name, value in fields.items():
        if isinstance(value, tuple):
            data.add_field(name, value[1], filename=value[0])
        else:
            data.add_field(name, str(value))
    return data
