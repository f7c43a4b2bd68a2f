"""One object of every kind, with its owner, another party, and strangers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from mystar.creators.keys import SKILLS
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Database
from tests.conftest import Api
from tests.factory import Factory, Person, actor, picture
from tests.files.uploading import form
from tests.orders.market import Market, open_market

#: In every private object; a response to a stranger must not contain it.
SECRET = "vertraulich"


@dataclass
class Objects:
    """``ids``: by the variable of the path; a variable that means something else in one dialect has its name first."""

    buyer: Person
    creator: Person
    stranger: Person
    staff: Person
    ids: Mapping[str, object]

    def people(self, whose: str) -> dict[str, Person | None]:
        """By letter, for what is the buyer's or the creator's; see `tests.access.rights`."""
        owner, party = (self.creator, self.buyer) if whose == "creator" else (self.buyer, self.creator)
        return {"o": owner, "p": party, "s": self.stranger, "g": None, "a": self.staff}


async def make_objects(app: web.Application, api: Api, factory: Factory) -> Objects:
    market = await open_market(app, api, factory)
    buyer, creator, db = market.buyer, market.creator, app[DATABASE]

    async def made(path: str, body: Any = None, *, as_: Person = buyer, **options: Any) -> Any:
        answer = await api.post(path, body, as_=as_, **options)
        assert answer.status in (200, 201), f"{path}: {await answer.text()}"
        return (await answer.json())["id"]

    file = await made("/api/v1/files/upload/", data=form(file=(f"{SECRET}.txt", b"hello")))
    talk = await made("/api/v1/conversations/", {"recipient_id": creator.id})
    message = await made(f"/api/v1/conversations/{talk}/messages/", {"message": SECRET})
    terms = {"service_id": market.service_id, "price": 500, "delivery_days": 2, "text": SECRET}
    offers = [await made(f"/api/v1/conversations/{talk}/offers/", terms, as_=creator) for _ in range(3)]
    about = {"kind": "person", "object_id": creator.id, "reason": "other", "comment": SECRET}
    report = await made("/api/v1/reports/", about)
    keys = {
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    }
    push = {"endpoint": "https://push.example/send/1", "keys": keys}
    browser = await made("/api/v1/push/subscriptions/", push, as_=creator)
    away = {"starts_on": "2199-01-01", "ends_on": "2199-01-02"}
    absence = await made("/api/v1/users/me/absences/", away, as_=creator)
    order = (await market.place(requirements=SECRET))["id"]
    review, done = await _reviewed(market)
    works = {"title": "Ролик", "cover_image": ("a.jpg", picture())}
    item = await made("/api/portfolio/", data=form(**works), as_=creator)
    image = await made(
        "/api/portfolio-images/", data=form(portfolio_item=item, image=("b.jpg", picture())), as_=creator
    )
    staff = await factory.staff()
    skill = (await app[SKILLS].add(actor(staff, "owner"), "Монтаж")).id
    given = await made("/api/creator-skills/", {"skill": skill, "level": 2}, as_=creator)
    studio = await made("/api/orders/orders/", data=form(title=SECRET, description=SECRET))
    payout, statement = await _paid_out(db, creator.id)
    await db.execute(
        "insert into provider_identities (issuer, subject, account_id) values ('yandex', '17', %(id)s)", id=buyer.id
    )
    linked = await (await api.get("/api/v1/users/me/identities/", as_=buyer)).json()
    factor = await db.value(
        "insert into second_factors (account_id, kind, name, sealed, created_at) "
        "values (%(id)s, 'totp', %(name)s, '', now()) returning id",
        id=buyer.id,
        name=SECRET,
    )
    ids = {
        "market id": linked[0]["id"],
        "account_id": buyer.id,
        "export_id": await _exported(db, buyer.id, file),
        "payout_id": payout,
        "statement_id": statement,
        "factor_id": factor,
        "sid": await db.value("select id from sessions where account_id = %(id)s", id=buyer.id),
        "user_id": (await factory.person()).id,
        "skill_id": skill,
        "creator_skill_id": given,
        "service_id": market.service_id,
        "creator_id": await db.value("select id from creators where account_id = %(id)s", id=creator.id),
        "item_id": item,
        "image_id": image,
        "file_id": file,
        "order_id": order,
        "done_order_id": done,
        "review_id": review,
        "conversation_id": talk,
        "chat_id": talk,
        "message_id": message,
        "offer_id": offers[0],
        "declined_offer_id": offers[1],
        "withdrawn_offer_id": offers[2],
        "report_id": report,
        "absence_id": absence,
        "subscription_id": browser,
        "notification_id": await db.value("select max(id) from notifications where account_id = %(id)s", id=creator.id),
        "studio account": buyer.id,
        "studio order": studio,
        "admin id": (await factory.person()).id,
        "admin order_id": studio,
    }
    assert all(ids.values()), ids
    return Objects(buyer, creator, await factory.person(channel="market"), staff, ids)


async def _exported(db: Database, account_id: int, file_id: int) -> int:
    """An export whose archive is ready; the bytes are those of a file."""
    export: int = await db.value(
        """
        insert into data_exports (account_id, status, key, size, created_at, expires_at)
        select %(account_id)s, 'ready', key, size, now(), now() + '1 day' from files where id = %(file_id)s returning id
        """,
        account_id=account_id,
        file_id=file_id,
    )
    return export


async def _paid_out(db: Database, creator_id: int) -> tuple[int, int]:
    """A requested payout and a statement of the creator."""
    payout = await db.value(
        """
        with details as (
            insert into payout_details (creator_id, kind, sealed, mask, fingerprint, usable_at, created_at)
            values (%(id)s, 'sbp', '', '+7 *** 00', 'f', now(), now()) returning id)
        insert into payouts (creator_id, details_id, provider, amount, created_at, updated_at)
        select %(id)s, details.id, 'manual', 100, now(), now() from details returning id
        """,
        id=creator_id,
    )
    statement = await db.value(
        """
        insert into statements (
            creator_id, month, number, opening, closing, after_entry_id, last_entry_id, line_count, sha256,
            previous_sha256, created_at)
        values (%(id)s, '2026-10-01', '2026-10-1', 0, 0, 0, 0, 0, '', '', now()) returning id
        """,
        id=creator_id,
    )
    return payout, statement


async def _reviewed(market: Market) -> tuple[int, int]:
    """A review, and the completed order that it is of."""
    order = (await market.place())["id"]
    await market.deliver(order)
    await market.act(order, "approve", as_=market.buyer)
    written = await market.act(order, "reviews", {"content": "Спасибо", "rating": 5}, as_=market.buyer, status=201)
    return written["id"], order
