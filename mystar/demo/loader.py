"""Loads the demo data through the services of the domains: accounts, stars, works, orders and reviews.

Loading is repeatable and continues after an interruption: an account is recognised by its e-mail address, an order by
its requirements, and the progress of an order by its history. The owner is created first and the last studio order
last; both exist once the demo is complete.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar

from aiohttp import web

from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import AccountDraft, Actor
from mystar.catalog.keys import CATALOG
from mystar.catalog.model import GreetingPricing
from mystar.chat.keys import CHAT
from mystar.creators.keys import CREATORS
from mystar.creators.model import AlreadyLiked, AlreadyRated
from mystar.demo import fixtures, pictures, refuse_production, videos
from mystar.demo.earnings import EarningsLoader
from mystar.demo.market_life import MarketLifeLoader
from mystar.demo.profiles import PROFILES, ProfileLoader
from mystar.demo.sandbox_payer import connect_sandbox_payer
from mystar.demo.scenarios import PlacedOrder, ScenarioRunner, single_chunk
from mystar.demo.services import ServiceLoader
from mystar.demo.studio import DEMO_STUDIO_ORDERS, StudioOrderLoader
from mystar.files.keys import FILES
from mystar.kit.clock import Clock
from mystar.kit.keys import DATABASE
from mystar.kit.money import kopecks
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Database
from mystar.orders.keys import ORDER_READS, ORDERS, STUDIO_ORDERS
from mystar.payments.keys import PAYMENTS
from mystar.settings import Settings

log = logging.getLogger(__name__)
QUERIES = queries.load(__package__)
K = TypeVar("K")
T = TypeVar("T")

#: "demo" in ASCII: the advisory lock that is held while loading.
_LOCK = 0x64656D6F
#: Concurrent jobs: fewer than the pool has connections, enough for two processors.
_CONCURRENCY = 4
#: Seconds that a call to the provider may take.
_CALL_SECONDS = 15.0


async def load(app: web.Application, settings: Settings) -> None:
    """Load the demo data, or the missing part of it. A database with other accounts is left as it is.

    The background tasks must be running: calls to the payment provider are sent from the outbox.

    :raises DemoRefused: in production. :raises Unavailable: the provider stopped answering; loading can be repeated.
    """
    refuse_production(settings)
    db = app[DATABASE]
    if await _is_complete(db):
        return
    async with _advisory_lock(db), connect_sandbox_payer(settings.payments.yookassa.url) as payer:
        if await _is_complete(db):
            return
        log.info("loading the demo data")
        if payer is None:
            log.warning("no sandbox answers at %s: the orders of the demo stay unpaid", settings.payments.yookassa.url)
        timeout = settings.outbox.lease_seconds + _CALL_SECONDS
        services = (app[ORDERS], app[ORDER_READS], app[PAYMENTS], app[FILES])
        scenarios = ScenarioRunner(*services, payer, call_timeout=timeout)
        await _Loader(app, scenarios).load()


async def is_loaded(app: web.Application) -> bool:
    """Whether the accounts of the demo exist."""
    return await app[DATABASE].value(QUERIES.person, email=fixtures.STUDIO_SAMPLE.email) is not None


class _Loader:
    def __init__(self, app: web.Application, scenarios: ScenarioRunner) -> None:
        self._db, self._accounts, self._files = app[DATABASE], app[ACCOUNTS], app[FILES]
        self._creators, self._catalog, self._scenarios = app[CREATORS], app[CATALOG], scenarios
        self._chat, self._profiles = app[CHAT], ProfileLoader(app, self._upload)
        self._services, self._earnings = ServiceLoader(app), EarningsLoader(app)
        self._life = MarketLifeLoader(app, Clock())
        self._studio = StudioOrderLoader(self._db, app[STUDIO_ORDERS], self._files)

    async def load(self) -> None:
        owner = await self._person(fixtures.OWNER)
        for person in fixtures.STAFF:
            await self._person(person)
        await self._earnings.set_commission()
        categories = await self._categories(owner)
        # One after the other, so that each has the same numbers on every machine: the README orders from the first.
        stars = {star.person.mailbox: await self._star(star, categories[star.category]) for star in fixtures.STARS}
        for star in filter(attrgetter("is_top"), fixtures.STARS):
            creator = await self._creators.by_account(stars[star.person.mailbox][0].id)
            await self._creators.set_top(owner, creator.id, True)
        skills = await self._profiles.skills(owner)
        for star in fixtures.STARS:
            if star.person.mailbox in PROFILES:
                await self._profiles.load(star, stars[star.person.mailbox][0], skills)
        customers = await _gather({person.mailbox: partial(self._person, person) for person in fixtures.CUSTOMERS})
        for star in fixtures.STARS:
            await self._ratings(star, stars[star.person.mailbox][0], list(customers.values()))
        services = {
            star.person.mailbox: await self._services.load(
                star.person.mailbox, stars[star.person.mailbox][0], categories[star.category]
            )
            for star in fixtures.STARS
        }
        placed_orders = [
            await self._scenarios.place(
                scenario,
                customers[scenario.buyer],
                *stars[scenario.star],
                services[scenario.star].get(scenario.service),
            )
            for scenario in fixtures.SCENARIOS
        ]
        await self._run(placed_orders)
        await self._profiles.load_reviews(placed_orders)
        for conversation in fixtures.CONVERSATIONS:
            await self._converse(conversation.words, customers[conversation.customer], stars[conversation.star][0])
        actors = {name: actor for name, (actor, _) in stars.items()}
        await self._life.load(actors, customers, services)
        await self._earnings.load(owner, actors)
        await self._studio.load(await self._person(fixtures.STUDIO_SAMPLE), owner)

    async def _run(self, orders: Sequence[PlacedOrder]) -> None:
        """Those by card at once, the others one after the other."""
        by_card = [placed for placed in orders if not placed.by_sbp]
        await _gather({placed.order_id: partial(self._scenarios.run, placed) for placed in by_card})
        for placed in orders:
            if placed.by_sbp:
                await self._scenarios.run(placed)

    async def _person(self, person: fixtures.AccountFixture) -> Actor:
        account_id = await self._db.value(QUERIES.person, email=person.email)
        if account_id is None:
            first_name, _, last_name = person.name.partition(" ")
            draft = AccountDraft(
                person.name,
                person.email,
                person.phone,
                birth_date=person.birth_date,
                first_name=first_name,
                last_name=last_name,
            )
            account = await self._accounts.create(
                draft, person.password, role=person.role, any_password=person is fixtures.STUDIO_SAMPLE
            )
            account_id = account.id
        return Actor(account_id, uuid.uuid4(), person.name, person.role)

    async def _categories(self, owner: Actor) -> dict[str, int]:
        """Ids by name."""
        known = {category.name: category.id for category in await self._catalog.categories()}
        for position, category in enumerate(fixtures.CATEGORIES):
            if category.name in known:
                continue
            picture = await asyncio.to_thread(pictures.emblem, category.emblem, category.top, category.bottom)
            photo_id = await self._upload(owner, pictures.jpeg(picture), "image", "categories", "category.jpeg")
            known[category.name] = await self._catalog.add_category(
                category.name, photo_id=photo_id, owner_id=owner.id, position=position
            )
        return known

    async def _star(self, star: fixtures.StarFixture, category_id: int) -> tuple[Actor, videos.Video]:
        """The star, and the video which is both the hello video and every delivered greeting."""
        actor = await self._person(star.person)
        if not await self._catalog.is_star(actor.id):
            terms = GreetingPricing(
                price=kopecks(star.price),
                category_id=category_id,
                days=star.days,
                invitation_price=kopecks(star.invitation_price) if star.invitation_price else None,
                tags=star.tags,
            )
            await self._catalog.make_star(actor.id, terms, profession=star.profession, description=star.description)
        portrait = await asyncio.to_thread(pictures.portrait, star.look)
        if (await self._accounts.profile(actor.id)).avatar_id is None:
            file_id = await self._upload(actor, pictures.jpeg(portrait), "avatar", "avatars", "portrait.jpeg")
            await self._files.set_avatar(actor, file_id)
        video = await asyncio.to_thread(videos.greeting, portrait)
        if (await self._creators.by_account(actor.id)).video_id is None:
            name, folder = f"hello.{video.extension}", f"videos/{actor.id}"
            await self._creators.set_hello_video(actor, await self._upload(actor, video.data, "video", folder, name))
        return actor, video

    async def _ratings(self, star: fixtures.StarFixture, actor: Actor, customers: list[Actor]) -> None:
        for customer in customers[: star.likes]:
            with suppress(AlreadyLiked):
                await self._creators.like(customer, actor.id)
            if star.is_top:
                await self._creators.add_favourite(customer, actor.id)
        for customer, vote in zip(customers, star.votes, strict=False):
            with suppress(AlreadyRated):
                await self._creators.rate(customer, actor.id, vote)

    async def _converse(self, words: Sequence[str], customer: Actor, star: Actor) -> None:
        """Send the messages in turn, each after reading those before. A message is recognised by its number."""
        for number, text in enumerate(words):
            speaker, listener = (star, customer) if number % 2 else (customer, star)
            message, _ = await self._chat.send_to(speaker, listener.id, text, client_id=f"demo-{number}")
            await self._chat.mark_read(speaker, message.conversation_id, message.number)

    async def _upload(self, actor: Actor, data: bytes, kind: str, folder: str, name: str) -> int:
        file = await self._files.receive(
            actor, single_chunk(data), kinds=(kind,), folder=folder, name=name, public=True
        )
        return file.id


async def _is_complete(db: Database) -> bool:
    complete: bool = await db.value(
        QUERIES.demo_is_loaded, first=fixtures.OWNER.email, last=DEMO_STUDIO_ORDERS[-1].title
    )
    return complete


@asynccontextmanager
async def _advisory_lock(db: Database) -> AsyncIterator[None]:
    """Hold the lock of loading, across processes; PostgreSQL releases it when the connection is lost."""
    connection = await db.pool.acquire()
    try:
        # A blocking lock would run into the statement timeout.
        while True:
            cursor = await connection.run("select pg_try_advisory_lock(%s)", (_LOCK,))
            if cursor.fetchone()[0]:
                break
            await asyncio.sleep(0.2)
        yield
    finally:
        connection.close()
        db.pool.release(connection)


async def _gather(jobs: Mapping[K, Callable[[], Coroutine[Any, Any, T]]]) -> dict[K, T]:
    """Run the jobs concurrently; returns the results by name. The first failure cancels the others."""
    places = asyncio.Semaphore(_CONCURRENCY)

    async def in_turn(job: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with places:
            return await job()

    tasks = [asyncio.create_task(in_turn(job)) for job in jobs.values()]
    try:
        return dict(zip(jobs, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
