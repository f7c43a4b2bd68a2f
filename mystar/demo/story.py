"""The demo: people, stars, works, orders and reviews, made by the verbs of the domains: all of it could have happened.

Telling goes on where a killed teller stopped: a person is known by the e-mail, an order by its wish, and what has
happened to an order by its history. The owner comes first and the last order of the studio last; that they are here
says how far it came.
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
from mystar.accounts.model import Actor, Draft
from mystar.catalog.keys import CATALOG
from mystar.catalog.model import GreetingTerms
from mystar.chat.keys import CHAT
from mystar.creators.keys import CREATORS
from mystar.creators.model import AlreadyLiked, AlreadyRated
from mystar.demo import cast, pictures, refuse_production, videos
from mystar.demo.offers import Offers
from mystar.demo.purse import open_purse
from mystar.demo.showcases import SHOWS, Showcases
from mystar.demo.studio import COMMISSIONS, Commissions
from mystar.demo.tales import Tales, in_one_piece
from mystar.files.keys import FILES
from mystar.kit.keys import DATABASE
from mystar.kit.money import kopecks
from mystar.kit.postgres import queries
from mystar.kit.postgres.database import Database
from mystar.orders.keys import ORDERS, STUDIO_ORDERS
from mystar.payments.keys import PAYMENTS
from mystar.settings import Settings

log = logging.getLogger(__name__)
QUERIES = queries.load(__package__)
K = TypeVar("K")
T = TypeVar("T")

#: "demo" in ASCII: the advisory lock of whoever tells.
_LOCK = 0x64656D6F
#: Deeds at a time: less than the pool has connections, and enough for two processors.
_AT_ONCE = 4
#: Seconds that a call to the provider may take.
_MARGIN = 15.0


async def tell(app: web.Application, settings: Settings) -> None:
    """Make the demo, or what is missing of it. Does nothing where people are that it did not make.

    The application's tasks must be running: what is asked of the payment provider leaves through the outbox.

    :raises DemoRefused: in production. :raises Unavailable: the provider stopped answering; telling again goes on.
    """
    refuse_production(settings)
    db = app[DATABASE]
    if await _is_over(db):
        return
    async with _alone(db), open_purse(settings.payments.yookassa.url) as purse:
        if await _is_over(db):
            return
        log.info("making the demo data")
        if purse is None:
            log.warning("no sandbox answers at %s: the demo's orders stay unpaid", settings.payments.yookassa.url)
        patience = settings.outbox.lease_seconds + _MARGIN
        tales = Tales(app[ORDERS], app[PAYMENTS], app[FILES], purse, patience=patience)
        await _Story(app, tales).tell()


async def is_told(app: web.Application) -> bool:
    """Whether the people of the demo are here."""
    return await app[DATABASE].value(QUERIES.person, email=cast.STUDIO_SAMPLE.email) is not None


class _Story:
    def __init__(self, app: web.Application, tales: Tales) -> None:
        self._db, self._accounts, self._files = app[DATABASE], app[ACCOUNTS], app[FILES]
        self._creators, self._catalog, self._tales = app[CREATORS], app[CATALOG], tales
        self._chat, self._showcases = app[CHAT], Showcases(app, self._upload)
        self._offers = Offers(app)
        self._commissions = Commissions(self._db, app[STUDIO_ORDERS], self._files)

    async def tell(self) -> None:
        owner = await self._person(cast.OWNER)
        for person in cast.STAFF:
            await self._person(person)
        categories = await self._categories(owner)
        stars = await _together(
            {star.person.mailbox: partial(self._star, star, categories[star.category]) for star in cast.STARS}
        )
        for star in filter(attrgetter("is_top"), cast.STARS):
            creator = await self._creators.by_account(stars[star.person.mailbox][0].id)
            await self._creators.set_top(owner, creator.id, True)
        skills = await self._showcases.skills(owner)
        for star in cast.STARS:
            if star.person.mailbox in SHOWS:
                await self._showcases.show(star, stars[star.person.mailbox][0], skills)
        customers = await _together({person.mailbox: partial(self._person, person) for person in cast.CUSTOMERS})
        for star in cast.STARS:
            await self._opinions(star, stars[star.person.mailbox][0], list(customers.values()))
        services = {
            star.person.mailbox: await self._offers.put_up(
                star.person.mailbox, stars[star.person.mailbox][0], categories[star.category]
            )
            for star in cast.STARS
        }
        scenes = [
            await self._tales.begin(
                tale, customers[tale.buyer], *stars[tale.star], services[tale.star].get(tale.service)
            )
            for tale in cast.TALES
        ]
        await _together({scene.order_id: partial(self._tales.tell, scene) for scene in scenes})
        await self._showcases.review(scenes)
        for talk in cast.TALKS:
            await self._talk(talk.words, customers[talk.customer], stars[talk.star][0])
        await self._commissions.tell(await self._person(cast.STUDIO_SAMPLE), owner)

    async def _person(self, person: cast.Person) -> Actor:
        account_id = await self._db.value(QUERIES.person, email=person.email)
        if account_id is None:
            first_name, _, last_name = person.name.partition(" ")
            draft = Draft(
                person.name,
                person.email,
                person.phone,
                birth_date=person.birth_date,
                first_name=first_name,
                last_name=last_name,
            )
            account = await self._accounts.create(
                draft, person.password, role=person.role, any_password=person is cast.STUDIO_SAMPLE
            )
            account_id = account.id
        return Actor(account_id, uuid.uuid4(), person.name, person.role)

    async def _categories(self, owner: Actor) -> dict[str, int]:
        """Ids by name."""
        known = {category.name: category.id for category in await self._catalog.categories()}
        for position, category in enumerate(cast.CATEGORIES):
            if category.name in known:
                continue
            picture = await asyncio.to_thread(pictures.emblem, category.emblem, category.top, category.bottom)
            photo_id = await self._upload(owner, pictures.jpeg(picture), "image", "categories", "category.jpeg")
            known[category.name] = await self._catalog.add_category(
                category.name, photo_id=photo_id, owner_id=owner.id, position=position
            )
        return known

    async def _star(self, star: cast.Star, category_id: int) -> tuple[Actor, videos.Video]:
        """The star, and the video that greets on the page and serves as every greeting, too."""
        actor = await self._person(star.person)
        if not await self._catalog.is_star(actor.id):
            terms = GreetingTerms(
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

    async def _opinions(self, star: cast.Star, actor: Actor, customers: list[Actor]) -> None:
        for customer in customers[: star.likes]:
            with suppress(AlreadyLiked):
                await self._creators.like(customer, actor.id)
            if star.is_top:
                await self._creators.favourite(customer, actor.id)
        for customer, vote in zip(customers, star.votes, strict=False):
            with suppress(AlreadyRated):
                await self._creators.rate(customer, actor.id, vote)

    async def _talk(self, words: Sequence[str], customer: Actor, star: Actor) -> None:
        """Whoever speaks has read what came before. What was said is known by its number."""
        for number, text in enumerate(words):
            speaker, listener = (star, customer) if number % 2 else (customer, star)
            message, _ = await self._chat.send_to(speaker, listener.id, text, client_id=f"demo-{number}")
            await self._chat.mark_read(speaker, message.conversation_id, message.number)

    async def _upload(self, actor: Actor, data: bytes, kind: str, folder: str, name: str) -> int:
        file = await self._files.receive(
            actor, in_one_piece(data), kinds=(kind,), folder=folder, name=name, public=True
        )
        return file.id


async def _is_over(db: Database) -> bool:
    over: bool = await db.value(QUERIES.story_is_over, first=cast.OWNER.email, last=COMMISSIONS[-1].title)
    return over


@asynccontextmanager
async def _alone(db: Database) -> AsyncIterator[None]:
    """Nobody else tells meanwhile, in whatever process: a lock that goes with its connection."""
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


async def _together(jobs: Mapping[K, Callable[[], Coroutine[Any, Any, T]]]) -> dict[K, T]:
    """The results by name. The first failure ends them all."""
    places = asyncio.Semaphore(_AT_ONCE)

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
