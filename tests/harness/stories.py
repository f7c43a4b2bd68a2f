"""What people do: the main job of the product, its branches, and the ways in which real people stray from it.

A walk is one order's business. Its verbs are what a device sends; a story is the order in which they are told.
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
from tests.harness.people import PATIENCE, Client, Refused
from tests.sandbox_process import SandboxClient

PRICE = "15000.00"


class Walk:
    """One order, its customer and its star, on devices that share one diary."""

    def __init__(self, client: Client, sandbox: SandboxClient, chance: random.Random) -> None:
        self.client, self.sandbox, self.chance = client, sandbox, chance
        self.name = client.name
        self.order_id = 0
        self.customer: Person
        self.star: Person

    # who they are

    async def join(self, deed: str, username: str) -> Person:
        """Register, confirm by the mailed link, log in. Deeds are called "<deed> registers" and so on."""
        email = f"{username}@mystar.example.com"
        phone = f"8916{uuid.uuid5(uuid.NAMESPACE_URL, username).int % 10**7:07}"
        draft = {"username": username, "phone": phone, "email": email, "password": PASSWORD}
        await self.client.ask(f"{deed} registers", "POST", "/api/registration/", draft, good=(201,), after_doubt=(400,))
        mail = await self.sandbox.wait_for_mail(email, timeout=PATIENCE)
        link = next(link for link in mail["links"] if "/api/registration-confirm/" in link)
        # A link is good for one use, so whoever lost the answer finds it used up.
        await self.client.ask(f"{deed} confirms", "GET", link, good=(200,), after_doubt=(400, 403, 404))
        entry = {"login": email, "password": PASSWORD}
        entered = await self.client.ask(f"{deed} logs in", "POST", "/api/login/", entry, good=(201,))
        return Person(entered.body["id"], username, email, PASSWORD, entered.body["token"], None)

    async def become_star(self, person: Person, category: int) -> Person:
        draft = {"price": PRICE, "cat_name_id": category, "profession": "Певица", "description": "Пою для вас"}
        await self.client.ask(
            "star shows up", "POST", "/api/star/create/", draft, token=person.token, good=(201,), after_doubt=(400, 409)
        )
        return person

    async def show_face(self) -> None:
        form = {"user_id": self.star.id, "image": ("me.jpg", picture())}
        await self._upload("avatar", "/api/upload/avatar/", form)

    async def say_hello(self) -> None:
        form = {"star_id": self.star.id, "video_hi": ("hi.mp4", video())}
        await self._upload("hello", "/api/upload/video/hi/", form)

    # the customer

    async def look_around(self) -> None:
        await self.client.ask("stars", "GET", "/api/star/getlist/", note=False)
        await self.client.ask("star", "GET", "/api/star/id/", params={"id": str(self.star.id)}, note=False)

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
        key = f"place-{self.name.replace(' ', '-')}"
        placed = await self.client.ask(
            "place", "POST", "/api/order/", draft, token=self.customer.token, key=key, good=(201,)
        )
        self.order_id = int(placed.body["order_id"])

    async def find_till(self) -> str:
        """The provider's page, found by our link as a browser finds it."""
        asked = await self.client.ask(
            "ask to pay", "GET", "/api/order/pay/", params=self._id, token=self.customer.token, note=False
        )
        shown = await self.client.ask("open the link", "GET", asked.body["link"], good=(302, 303), note=False)
        assert shown.location is not None
        return shown.location

    async def press(self, till: str, button: str) -> None:
        """At the provider's, and back to us. The page says 409 when the button was pressed before."""
        body = {"action": button}
        pressed = await self.client.ask(
            button, "POST", till, lambda: aiohttp.FormData(body), good=(302,), after_doubt=(409,)
        )
        if pressed.location:
            await self.client.ask("come back", "GET", pressed.location, note=False)

    async def pay(self, button: str = "pay") -> None:
        await self.press(await self.find_till(), button)

    async def see(self, status: int) -> None:
        """Wait until the customer's list says so."""
        await self._until(f"status_order {status}", lambda: self._shows("status_order", status))

    async def see_money(self, word: str) -> None:
        await self._until(f"money {word}", lambda: self._shows("money", word))

    async def cancel(self, person: Person) -> None:
        body = {"order_id": str(self.order_id), "reason": "Передумали"}
        await self.client.ask(
            "cancel", "POST", "/api/order/cancel/", body, token=person.token, good=(201,), after_doubt=(409,)
        )

    async def watch(self) -> None:
        detail = await self.client.ask(
            "detail", "GET", "/api/order/cust/detail/", params=self._id, token=self.customer.token, note=False
        )
        played = await self.client.ask(
            "play", "GET", f"/media/{detail.body['video']}", token=self.customer.token, note=False
        )
        if played.body != video():
            raise Refused(f"{self.name}: the greeting is not what was uploaded")

    async def rate(self) -> None:
        vote = {"rating": "5", "adresat": self.customer.id, "adresant": self.star.id}
        # One vote for a star, however many orders.
        await self.client.ask("rate", "PUT", "/api/ratestar/", vote, token=self.customer.token, good=(201, 403))

    async def like(self) -> None:
        like = {"star_id": self.star.id, "cust_id": self.customer.id}
        await self.client.ask("like", "POST", "/api/star/like/", like, token=self.customer.token, good=(201, 403))

    # the star

    async def decide(self, word: str) -> None:
        """Half of the stars have devices that know no Idempotency-Key: a repeated decision meets the decided order."""
        key = self.chance.choice(["", f"{word}-{self.order_id}"])
        decision = {"order_id": str(self.order_id), "accept": word}
        await self.client.ask(
            word,
            "POST",
            "/api/orderaccept/",
            decision,
            token=self.star.token,
            key=key,
            good=(201,),
            after_doubt=(409,),
        )

    async def upload(self) -> None:
        form = {"star_id": self.star.id, "order_id": self.order_id, "video_con": ("mum.mp4", video())}
        await self._upload("upload", "/api/upload/congritulatoin/", form)

    async def capture(self) -> None:
        asked = await self.client.ask(
            "ask to capture", "GET", "/api/order/pay/capture/", params=self._id, token=self.star.token, note=False
        )
        # Somebody else may have captured meanwhile: then there is nothing left to do, which is said with 409.
        await self.client.ask(
            "capture", "POST", asked.body["link"], token=self.star.token, good=(200,), after_doubt=(409,)
        )

    # how

    @property
    def _id(self) -> Mapping[str, str]:
        return {"order_id": str(self.order_id)}

    async def _upload(self, deed: str, path: str, fields: Mapping[str, Any]) -> None:
        await self.client.ask(deed, "POST", path, lambda: _form(fields), token=self.star.token, good=(200, 201))

    async def _shows(self, name: str, value: object) -> bool:
        params = {"is_star": "false", "user_id": str(self.customer.id)}
        listed = await self.client.ask(
            "list", "GET", "/api/order/list/", params=params, token=self.customer.token, note=False
        )
        return any(order["id"] == self.order_id and order[name] == value for order in listed.body)

    async def _until(self, what: str, question: Callable[[], Awaitable[bool]]) -> None:
        end = asyncio.get_running_loop().time() + PATIENCE
        while not await question():
            if asyncio.get_running_loop().time() > end:
                raise Refused(f"{self.name}: order {self.order_id}: no {what} in {PATIENCE} s")
            await asyncio.sleep(0.2)


def _form(fields: Mapping[str, Any]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in fields.items():
        if isinstance(value, tuple):
            form.add_field(name, value[1], filename=value[0])
        else:
            form.add_field(name, str(value))
    return form


# The stories. What has to be true in the end follows from the deeds that were acknowledged, not from the story.


async def paid_first(walk: Walk) -> None:
    await walk.look_around()
    await walk.place()
    await walk.pay()
    await walk.see(2)
    await walk.decide("accept")
    await walk.see(3)
    await walk.upload()
    await walk.watch()
    await walk.rate()
    await walk.like()


async def accepted_first(walk: Walk) -> None:
    await walk.place()
    await walk.decide("accept")
    await walk.pay()
    await walk.see(2)
    await walk.upload()
    await walk.see(3)
    await walk.watch()
    await walk.rate()


async def captured_by_link(walk: Walk) -> None:
    await walk.place()
    await walk.decide("accept")
    await walk.pay()
    await walk.see(2)
    await walk.capture()
    await walk.see(3)


async def impatient(walk: Walk) -> None:
    """The star decides without looking whether the money is there yet."""
    await walk.place()
    await walk.pay()
    await walk.decide("accept")
    await walk.upload()
    await walk.see(3)


async def rejected(walk: Walk) -> None:
    await walk.place()
    await walk.pay()
    if walk.chance.random() < 0.7:
        await walk.see(2)
    await walk.decide("reject")
    await walk.see(-1)


async def cancelled(walk: Walk) -> None:
    """Either of them calls it off while the money is held, or on its way."""
    await walk.place()
    await walk.pay()
    if walk.chance.random() < 0.7:
        await walk.see(2)
    await walk.cancel(walk.chance.choice([walk.customer, walk.star]))
    await walk.see_money("released")


async def refunded(walk: Walk) -> None:
    """He changes his mind when the money is taken already."""
    await walk.place()
    await walk.pay()
    await walk.see(2)
    await walk.decide("accept")
    if walk.chance.random() < 0.5:
        await walk.see(3)
    await walk.cancel(walk.customer)
    await walk.see(-1)


async def paid_too_late(walk: Walk) -> None:
    """The star declines while the customer is on the provider's page, and then he pays."""
    await walk.place()
    till = await walk.find_till()
    await walk.decide("reject")
    await walk.press(till, "pay")
    await walk.see_money("released")


async def declined(walk: Walk) -> None:
    await walk.place()
    await walk.pay("decline")
    await walk.see_money("failed")
    await walk.pay()
    await walk.see(2)
    await walk.decide("accept")
    await walk.see(3)


async def undecided(walk: Walk) -> None:
    await walk.place()
    await walk.pay()
    await walk.see(2)


async def at_once(walk: Walk) -> None:
    """He pays while she decides, and their devices do not wait for each other."""
    await walk.place()
    till = await walk.find_till()
    word = walk.chance.choice(["accept", "reject"])
    await asyncio.gather(walk.press(till, "pay"), walk.decide(word))


Story = Callable[[Walk], Awaitable[None]]
STORIES: Mapping[Story, int] = {
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
