"""Two people whose data is everywhere: a creator and a buyer, with names that stand nowhere else."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import FormData, web

from mystar.accounts.keys import ACCOUNTS, PROFILES
from mystar.accounts.model import ClientInfo
from mystar.audit.keys import AUDIT
from mystar.earnings.keys import EARNINGS
from mystar.files.keys import FILES
from mystar.kit.keys import DATABASE
from mystar.orders.keys import ORDERS
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, Person, actor, picture
from tests.waiting import eventually

#: Words that only the person has written, beside the names.
CREATOR_WORDS = ("Вишнёвое варенье", "Лунный причал", "Самшитовая лестница", "Бирюзовый самовар", "Плавучий маяк")
BUYER_WORDS = (
    *("Яшмовая чернильница", "Тёте Пелагее", "Сиреневый туман", "Кедровый орех"),
    *("Янтарный посёлок", "Телефон с трещиной", "Медный чайник"),
)
MADE_BY_DELIVERY = "Комета-поздравление.jpg"


@dataclass
class SamplePeople:
    """``creator`` and ``buyer``; every text that names one of them or that one of them has written."""

    app: web.Application
    api: Api
    factory: Factory
    creator: Person = field(init=False)
    buyer: Person = field(init=False)
    order_id: int = 0
    service_id: int = 0
    conversation_id: int = 0

    #: Names, e-mails and phones, present and former.
    creator_names = (
        *("Mira O'Bell", "mira-formerly", "formerly", "Мирослава", "Звездопадова"),
        *("mira.bell@stars.example", "+79161112233", "79161112233"),
    )
    buyer_names = (
        *("Феофан Кузьмич", "Феофан", "Многозвонов", "feofan@letters.example", "feofan.old@letters.example"),
        *("+79264445566", "+79264445577"),
    )

    async def create(self) -> SamplePeople:
        await self._people()
        await self._creator_publishes()
        await self._orders()
        await self._chat()
        await self._money()
        return self

    async def settle(self) -> None:
        """Wait until the mails so far are sent."""

        async def are_sent() -> bool:
            return not await self.app[DATABASE].value("select count(*) from outbox where done_at is null")

        await eventually(are_sent)

    async def sign_in(self, person: Person) -> Person:
        session = await self.app[ACCOUNTS].sign_in(person.id, ClientInfo("203.0.113.9", "Firefox"), "market")
        return Person(person.id, person.username, person.email, person.password, session.access, session.refresh)

    async def _people(self) -> None:
        self.creator = await self.sign_in(
            await self.factory.star(
                "mira-formerly", email="mira.bell@stars.example", phone="+79161112233", first_name="Мирослава"
            )
        )
        self.buyer = await self.sign_in(
            await self.factory.person("Феофан Кузьмич", email="feofan.old@letters.example", phone="+79264445566")
        )
        profile = {"username": "Mira O'Bell", "last_name": "Звездопадова", "bio": "Вишнёвое варенье"}
        await self.app[PROFILES].edit(actor(self.creator), **profile)
        buyer = {"first_name": "Феофан", "last_name": "Многозвонов", "email": "feofan@letters.example"}
        buyer |= {"phone": "+79264445577", "current_password": PASSWORD, "location": "Янтарный посёлок"}
        await self.app[PROFILES].edit(actor(self.buyer), **buyer)
        await self.app[DATABASE].execute(
            "update accounts set email_verified_at = now() where id = %(id)s", id=self.buyer.id
        )

        factor = {"kind": "passkey", "before": "Телефон с трещиной", "after": ""}
        await self.app[AUDIT].record_separately("factor_renamed", f"account:{self.buyer.id}", **factor)

    async def _creator_publishes(self) -> None:
        api, creator = self.api, self.creator
        service = {"title": "Ролик от Mira O'Bell", "description": "Лунный причал", "base_price": 500}
        service |= {"category_id": 1, "delivery_time": 2, "tags": ["самшит"]}
        service |= {"allows_modifications": True, "modifications_price": 600}
        self.service_id = (await self._ok(api.post("/api/v1/services/", service, as_=creator)))["id"]
        work = FormData({"title": "Самшитовая лестница", "description": "Лунный причал"})
        work.add_field("cover_image", picture(), filename="Мирослава.jpg", content_type="image/jpeg")
        await self._ok(api.request("POST", "/api/v1/portfolio/", data=work, as_=creator))
        avatar = FormData()
        avatar.add_field("avatar", picture(), filename="Мирослава Звездопадова.jpg", content_type="image/jpeg")
        await self._ok(api.request("PATCH", "/api/v1/users/me/", data=avatar, as_=creator))

    async def _orders(self) -> None:
        app, api = self.app, self.api
        keyed = {"Idempotency-Key": str(uuid.uuid4())}
        order: dict[str, Any] = {"service_id": self.service_id, "requirements": "Яшмовая чернильница"}
        order |= {"with_modifications": True, "modifications": "Медный чайник"}
        placed = await self._ok(api.post("/api/v1/orders/", order, as_=self.buyer, headers=keyed))
        reason = {"reason": "Бирюзовый самовар, пишите на mira.bell@stars.example"}
        await self._ok(api.post(f"/api/v1/orders/{placed['id']}/reject/", reason, as_=self.creator))
        self.order_id = await self.factory.order(
            self.buyer, self.creator, for_whom="Тёте Пелагее", requirements="Сиреневый туман"
        )
        file = await self._file(self.creator, MADE_BY_DELIVERY)
        await app[ORDERS].deliver(actor(self.creator), self.order_id, file_ids=[file], message="Плавучий маяк")
        await app[ORDERS].approve(actor(self.buyer), self.order_id)
        review = {"content": "Спасибо! Ваш Феофан Кузьмич, +79264445577", "rating": 5}
        made = await self._ok(api.post(f"/api/v1/orders/{self.order_id}/reviews/", review, as_=self.buyer))
        reply = {"content": "Вишнёвое варенье ждёт"}
        await self._ok(api.post(f"/api/v1/reviews/{made['id']}/reply/", reply, as_=self.creator))

    async def _chat(self) -> None:
        api = self.api
        begun = {"recipient_id": self.creator.id, "message": "Кедровый орех"}
        started = await self._ok(api.post("/api/v1/conversations/", begun, as_=self.buyer))
        self.conversation_id = started["id"]
        path = f"/api/v1/conversations/{self.conversation_id}/messages/"
        file = await self._file(self.creator, "Мирослава.jpg")
        body = {"message": "Лунный причал", "file_ids": [file]}
        said = await self._ok(api.post(path, body, as_=self.creator))
        report = {
            "kind": "message",
            "object_id": said["id"],
            "reason": "spam",
            "comment": "Сиреневый туман, Mira O'Bell",
        }
        await self._ok(api.post("/api/v1/reports/", report, as_=self.buyer))
        report = {
            "kind": "person",
            "object_id": self.buyer.id,
            "reason": "insult",
            "comment": "Феофан Кузьмич, Плавучий маяк",
        }
        await self._ok(api.post("/api/v1/reports/", report, as_=self.creator))
        await self._ok(api.post(path, {"message": "Кедровый орех, мой номер +79264445577"}, as_=self.buyer))

        # What an offer says is what an order by it asks for, unless the buyer says otherwise.
        offer = {"service_id": self.service_id, "price": 500, "delivery_days": 2, "text": "Ваша Mira O'Bell"}
        talk = f"/api/v1/conversations/{self.conversation_id}/"
        offered = await self._ok(api.post(f"{talk}offers/", offer, as_=self.creator))
        placed = await self._ok(api.post(f"/api/v1/offers/{offered['id']}/accept/", {}, as_=self.buyer))
        await self._ok(api.post(f"/api/v1/orders/{placed['id']}/cancel/", {}, as_=self.buyer))

    async def _money(self) -> None:
        details = {"kind": "sbp", "phone": "+79161112233", "bank_id": "100000000004", "password": PASSWORD}
        await self._ok(self.api.put("/api/v1/payouts/details/", details, as_=self.creator))
        await self.app[EARNINGS].adjust(None, self.creator.id, 1000, "Премия")
        await self.app[EARNINGS].adjust(None, self.creator.id, -1000, "Отмена премии")

    async def _file(self, owner: Person, name: str) -> int:
        async def chunks() -> Any:
            yield picture()

        file = await self.app[FILES].receive(actor(owner), chunks(), kinds=("image",), folder="x", name=name)
        return file.id

    async def _ok(self, asking: Any) -> Any:
        answer = await asking
        assert answer.status < 300, await answer.text()
        return await answer.json()
