"""Creates what a test needs through the services of the domains."""

from __future__ import annotations

import functools
import io
import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
import jwt
from aiohttp import web
from PIL import Image
from yarl import URL

from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import AccountDraft, Actor, Channel, ClientInfo, Role
from mystar.catalog.keys import CATALOG
from mystar.catalog.model import GreetingPricing
from mystar.creators.keys import CREATORS
from mystar.kit.keys import DATABASE
from mystar.orders.keys import ORDERS
from mystar.payments.keys import PAYMENTS

if TYPE_CHECKING:
    # Imported by pytest itself, which rewrites its assertions.
    from tests.sandbox_process import SandboxClient

PASSWORD = "Greeting-for-Mum-77"


@dataclass(frozen=True, slots=True)
class Person:
    """An account that is signed in on one channel."""

    id: int
    username: str
    email: str
    password: str
    token: str
    refresh: str | None


class Factory:
    """Every method creates a new object with unique names; keywords set what matters to the test."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._numbers = itertools.count(1)

    # People

    async def person(
        self,
        username: str | None = None,
        *,
        email: str | None = None,
        password: str = PASSWORD,
        role: Role | None = None,
        channel: Channel = "greetings",
        **further: Any,
    ) -> Person:
        """An account whose e-mail address is confirmed; ``further`` are fields of `AccountDraft`."""
        number = next(self._numbers)
        username = username or f"person-{number}"
        draft = AccountDraft(username, email or f"person-{number}@example.com", **further)
        accounts = self._app[ACCOUNTS]
        account = await accounts.create(draft, password, role=role, channel=channel)
        session = await accounts.sign_in(account.id, ClientInfo(), channel)
        return Person(account.id, username, str(draft.email), password, session.access, session.refresh)

    async def staff(self, role: Role = "owner") -> Person:
        return await self.person(role=role, channel="market")

    # Stars

    async def category(self, name: str | None = None) -> int:
        """The id of a new category."""
        return await self._app[CATALOG].add_category(name or f"Категория {next(self._numbers)}")

    async def star(
        self,
        username: str | None = None,
        *,
        price: int = 1_500_000,
        category_id: int | None = None,
        invitation_price: int | None = None,
        days: int = 3,
        tags: Sequence[str] = (),
        profession: str = "Певица",
        **person: Any,
    ) -> Person:
        """A creator who sells greetings; prices in kopecks; in a new category unless one is given."""
        star = await self.person(username, **person)
        terms = GreetingPricing(price, category_id or await self.category(), days, invitation_price, tuple(tags))
        await self._app[CATALOG].make_star(star.id, terms, profession=profession)
        return star

    async def creator(self, username: str | None = None, **person: Any) -> Person:
        """A creator who may create services and sells no greetings."""
        creator = await self.person(username, **person)
        async with self._app[DATABASE].transaction() as tx:
            await self._app[CREATORS].create(tx, creator.id)
        return creator

    # Orders

    async def order(self, customer: Person, star: Person, **draft: Any) -> int:
        """The id of a new order of the customer for a greeting of the star."""
        wish = {"for_whom": "Для мамы", "requirements": "Поздравьте с днём рождения", **draft}
        order = await self._app[ORDERS].place_greeting(actor(customer), star_id=star.id, **wish)
        return order.id

    async def hold(self, order_id: int, sandbox: SandboxClient, method: str | None = None) -> None:
        """Pay on the provider's page: the money is held, or charged by SBP."""
        link = URL(self._app[ORDERS].link_to_pay(order_id))
        await self._app[ORDERS].pay_by_link(order_id, link.query["sig"], method)
        payment = await self._app[PAYMENTS].of_order(order_id)
        assert payment is not None
        await sandbox.pay(str(payment.provider_id))
        await self._app[PAYMENTS].refresh(payment.id)


def actor(person: Person, role: Role | None = None) -> Actor:
    """The account as services know the actor of a request, in the session of its token."""
    claims = jwt.decode(person.token, options={"verify_signature": False})
    return Actor(person.id, uuid.UUID(claims["sid"]), person.username, role)


def picture(format_: str = "JPEG", size: tuple[int, int] = (64, 48)) -> bytes:
    """A picture with something on it."""
    file = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(file, format_)
    return file.getvalue()


@functools.cache
def video(format_: str = "mp4", frames: int = 5) -> bytes:
    """A short film without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format=format_) as container:
        stream = container.add_stream("libvpx" if format_ == "webm" else "mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shade in range(frames):
            frame = av.VideoFrame.from_image(Image.new("RGB", (64, 48), (50 * shade % 256, 80, 120)))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()
