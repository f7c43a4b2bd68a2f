"""The main job of the product, its branches, and what real clients do differently.

An `OrderFlow` has the steps of one order; a scenario is the sequence in which they are taken.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from tests.factory import PASSWORD, Person, picture, video
from tests.harness.client import GIVE_UP_AFTER, Client, UnexpectedAnswer
from tests.sandbox_process import SandboxClient

PRICE = "15000.00"


class OrderFlow:
    """One order, its customer and its star."""

    def __init__(self, client: Client, sandbox: SandboxClient, chance: random.Random) -> None:
        self.client, self.sandbox, self.chance = client, sandbox, chance
        self.name = client.name
        self.order_id = 0
        self.customer: Person
        self.star: Person

    # registration

    async def register(self, action: str, username: str) -> Person:
        """Register, confirm by the mailed link, log in. The actions are called "<action> registers" and so on."""
        email = f"{username}@mystar.example.com"
        phone = f"8916{uuid.uuid5(uuid.NAMESPACE_URL, username).int % 10**7:07}"
        draft = {"username": username, "phone": phone, "email": email, "password": PASSWORD}
        await self.client.request(
            f"{action} registers", "POST", "/api/registration/", draft, expected=(201,), after_retry=(400,)
        )
        mail = await self.sandbox.wait_for_mail(email, timeout=GIVE_UP_AFTER)
        link = next(link for link in mail["links"] if "/api/registration-confirm/" in link)
        # A link works once, so a client whose answer was lost finds it used.
        await self.client.request(f"{action} confirms", "GET", link, expected=(200,), after_retry=(400, 403, 404))
        entry = {"login": email, "password": PASSWORD}
        entered = await self.client.request(f"{action} logs in", "POST", "/api/login/", entry, expected=(201,))
        return Person(entered.body["id"], username, email, PASSWORD, entered.body["token"], None)

    async def become_star(self, person: Person, category: int) -> Person:
        draft = {"price": PRICE, "cat_name_id": category, "profession": "Певица", "description": "Пою для вас"}
        await self.client.request(
            "star shows up",
            "POST",
            "/api/star/create/",
            draft,
            token=person.token,
            expected=(201,),
            after_retry=(400, 409),
        )
        return person

    async def upload_avatar(self) -> None:
        form = {"user_id": self.star.id, "image": ("me.jpg", picture())}
        await self._upload("avatar", "/api/upload/avatar/", form)

    async def upload_hello_video(self) -> None:
        form = {"star_id": self.star.id, "video_hi": ("hi.mp4", video())}
        await self._upload("hello", "/api/upload/video/hi/", form)

    # the customer

    async def browse(self) -> None:
        await self.client.request("stars", "GET", "/api/star/getlist/", record=False)
        await self.client.request("star", "GET", "/api/star/id/", params={"id": str(self.star.id)}, record=False)

    async def place(self) -> None:
        draft = {
            "customer_id": str(self.customer.id),
            "star_id": str(self.star.id),
            "order_price": PRICE,
            "for_whom": self.name,
            "comment": "Хочу поздравить маму с днём рождения",
            "by_date": (datetime.now(UTC) + timedelta(days=7)).date().isoformat(),
            "status_order": "0",
        }
        key, token = f"place-{self.name.replace(' ', '-')}", self.customer.token
        placed = await self.client.request("place", "POST", "/api/order/", draft, token=token, key=key, expected=(201,))
        self.order_id = int(placed.body["order_id"])
        if self.chance.random() < 0.5:
            await self.client.repeat("place again", "/api/order/", draft, token, key, placed)
        if self.chance.random() < 0.2:
            other = {**draft, "comment": "Другой заказ"}
            await self.client.repeat("place another", "/api/order/", other, token, key, placed, changed=True)

    async def open_payment_page(self) -> str:
        """The address of the provider's page, to which the service's link redirects."""
        asked = await self.client.request(
            "ask to pay", "GET", "/api/order/pay/", params=self._id, token=self.customer.token, record=False
        )
        shown = await self.client.request("open the link", "GET", asked.body["link"], expected=(302, 303), record=False)
        assert shown.location is not None
        return shown.location

    async def press_button(self, payment_page: str, button: str) -> None:
        """Press a button on the provider's page and follow the redirect back; 409 when it was pressed before."""
        body = {"action": button}
        pressed = await self.client.request(
            button, "POST", payment_page, lambda: aiohttp.FormData(body), expected=(302,), after_retry=(409,)
        )
        if pressed.location:
            await self.client.request("come back", "GET", pressed.location, record=False)

    async def pay(self, button: str = "pay") -> None:
        await self.press_button(await self.open_payment_page(), button)

    async def wait_for_status(self, status: int) -> None:
        """Wait until the customer's list shows this status."""
        await self._until(f"status_order {status}", lambda: self._shows("status_order", status))

    async def wait_for_money(self, word: str) -> None:
        await self._until(f"money {word}", lambda: self._shows("money", word))

    async def cancel(self, person: Person) -> None:
        body = {"order_id": str(self.order_id), "reason": "Передумали"}
        await self.client.request(
            "cancel", "POST", "/api/order/cancel/", body, token=person.token, expected=(201,), after_retry=(409,)
        )

    async def play_video(self) -> None:
        detail = await self.client.request(
            "detail", "GET", "/api/order/cust/detail/", params=self._id, token=self.customer.token, record=False
        )
        played = await self.client.request(
            "play", "GET", f"/media/{detail.body['video']}", token=self.customer.token, record=False
        )
        if played.body != video():
            raise UnexpectedAnswer(f"{self.name}: the greeting is not what was uploaded")

    async def rate(self) -> None:
        vote = {"rating": "5", "adresat": self.customer.id, "adresant": self.star.id}
        # One vote for a star, regardless of the number of orders.
        await self.client.request("rate", "PUT", "/api/ratestar/", vote, token=self.customer.token, expected=(201, 403))

    async def like(self) -> None:
        like = {"star_id": self.star.id, "cust_id": self.customer.id}
        await self.client.request(
            "like", "POST", "/api/star/like/", like, token=self.customer.token, expected=(201, 403)
        )

    # the star

    async def decide(self, word: str) -> None:
        """Half of the clients send no Idempotency-Key: a repeated decision finds the order decided."""
        key = self.chance.choice(["", f"{word}-{self.order_id}"])
        decision = {"order_id": str(self.order_id), "accept": word}
        path, token = "/api/orderaccept/", self.star.token
        decided = await self.client.request(
            word, "POST", path, decision, token=token, key=key, expected=(201,), after_retry=(409,)
        )
        if key and decided.status == 201 and self.chance.random() < 0.5:
            await self.client.repeat(f"{word} again", path, decision, token, key, decided)

    async def upload(self) -> None:
        form = {"star_id": self.star.id, "order_id": self.order_id, "video_con": ("mum.mp4", video())}
        await self._upload("upload", "/api/upload/congritulatoin/", form)

    async def capture(self) -> None:
        asked = await self.client.request(
            "ask to capture", "GET", "/api/order/pay/capture/", params=self._id, token=self.star.token, record=False
        )
        # When the money has been captured meanwhile, nothing is left to do, and the answer is 409.
        await self.client.request(
            "capture", "POST", asked.body["link"], token=self.star.token, expected=(200,), after_retry=(409,)
        )

    # helpers of the steps above

    @property
    def _id(self) -> Mapping[str, str]:
        return {"order_id": str(self.order_id)}

    async def _upload(self, action: str, path: str, fields: Mapping[str, Any]) -> None:
        await self.client.request(
            action, "POST", path, lambda: _form(fields), token=self.star.token, expected=(200, 201)
        )

    async def _shows(self, name: str, value: object) -> bool:
        params = {"is_star": "false", "user_id": str(self.customer.id)}
        listed = await self.client.request(
            "list", "GET", "/api/order/list/", params=params, token=self.customer.token, record=False
        )
        return any(order["id"] == self.order_id and order[name] == value for order in listed.body)

    async def _until(self, what: str, question: Callable[[], Awaitable[bool]]) -> None:
        end = asyncio.get_running_loop().time() + GIVE_UP_AFTER
        while not await question():
            if asyncio.get_running_loop().time() > end:
                raise UnexpectedAnswer(f"{self.name}: order {self.order_id}: no {what} in {GIVE_UP_AFTER} s")
            await asyncio.sleep(0.2)


def _form(fields: Mapping[str, Any]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in fields.items():
        if isinstance(value, tuple):
            form.add_field(name, value[1], filename=value[0])
        else:
            form.add_field(name, str(value))
    return form


# The scenarios. What must be true at the end follows from the acknowledgements, not from the scenario.


async def paid_first(flow: OrderFlow) -> None:
    await flow.browse()
    await flow.place()
    await flow.pay()
    await flow.wait_for_status(2)
    await flow.decide("accept")
    await flow.wait_for_status(3)
    await flow.upload()
    await flow.play_video()
    await flow.rate()
    await flow.like()


async def accepted_first(flow: OrderFlow) -> None:
    await flow.place()
    await flow.decide("accept")
    await flow.pay()
    await flow.wait_for_status(2)
    await flow.upload()
    await flow.wait_for_status(3)
    await flow.play_video()
    await flow.rate()


async def captured_by_link(flow: OrderFlow) -> None:
    await flow.place()
    await flow.decide("accept")
    await flow.pay()
    await flow.wait_for_status(2)
    await flow.capture()
    await flow.wait_for_status(3)


async def impatient(flow: OrderFlow) -> None:
    """The star decides without waiting for the hold."""
    await flow.place()
    await flow.pay()
    await flow.decide("accept")
    await flow.upload()
    await flow.wait_for_status(3)


async def rejected(flow: OrderFlow) -> None:
    await flow.place()
    await flow.pay()
    if flow.chance.random() < 0.7:
        await flow.wait_for_status(2)
    await flow.decide("reject")
    await flow.wait_for_status(-1)


async def cancelled(flow: OrderFlow) -> None:
    """Either party cancels while the money is held or the hold is pending."""
    await flow.place()
    await flow.pay()
    if flow.chance.random() < 0.7:
        await flow.wait_for_status(2)
    await flow.cancel(flow.chance.choice([flow.customer, flow.star]))
    await flow.wait_for_money("released")


async def refunded(flow: OrderFlow) -> None:
    """The customer cancels after the capture."""
    await flow.place()
    await flow.pay()
    await flow.wait_for_status(2)
    await flow.decide("accept")
    if flow.chance.random() < 0.5:
        await flow.wait_for_status(3)
    await flow.cancel(flow.customer)
    await flow.wait_for_status(-1)


async def paid_too_late(flow: OrderFlow) -> None:
    """The star rejects the order while the customer is on the provider's page; the customer pays nevertheless."""
    await flow.place()
    payment_page = await flow.open_payment_page()
    await flow.decide("reject")
    await flow.press_button(payment_page, "pay")
    await flow.wait_for_money("released")


async def declined(flow: OrderFlow) -> None:
    await flow.place()
    await flow.pay("decline")
    await flow.wait_for_money("failed")
    await flow.pay()
    await flow.wait_for_status(2)
    await flow.decide("accept")
    await flow.wait_for_status(3)


async def undecided(flow: OrderFlow) -> None:
    await flow.place()
    await flow.pay()
    await flow.wait_for_status(2)


async def at_once(flow: OrderFlow) -> None:
    """The customer pays at the moment the star decides."""
    await flow.place()
    payment_page = await flow.open_payment_page()
    word = flow.chance.choice(["accept", "reject"])
    await asyncio.gather(flow.press_button(payment_page, "pay"), flow.decide(word))


Scenario = Callable[[OrderFlow], Awaitable[None]]
SCENARIOS: Mapping[Scenario, int] = {
    paid_first: 8,
    accepted_first: 4,
    captured_by_link: 3,
    impatient: 3,
    rejected: 4,
    cancelled: 3,
    refunded: 3,
    paid_too_late: 3,
    declined: 3,
    undecided: 1,
    at_once: 3,
}
