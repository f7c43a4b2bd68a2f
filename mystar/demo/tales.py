"""Orders that walk the way that is written for them, by the verbs of buyer, star and provider."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from mystar.accounts.model import Actor
from mystar.catalog.model import Service
from mystar.demo.cast import Tale
from mystar.demo.purse import Purse
from mystar.demo.videos import Video
from mystar.errors import Unavailable
from mystar.files.service import FileService
from mystar.orders.service import OrderService
from mystar.orders.state_machine import Action
from mystar.payments.service import PaymentService

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scene:
    """An order that is placed, and who plays in it. ``video`` is what will be delivered."""

    order_id: int
    buyer: Actor
    star: Actor
    video: Video
    deeds: tuple[Action, ...]


class Tales:
    """Tells them; a tale that was told in part goes on from there.

    :param purse: pays for them; None: they end where somebody must pay.
    :param patience: seconds to wait for what was asked of the provider. It takes none, but a call that a killed teller
        was making is not made again before its lease has run out.
    """

    def __init__(
        self,
        orders: OrderService,
        payments: PaymentService,
        files: FileService,
        purse: Purse | None,
        *,
        patience: float,
    ) -> None:
        self._orders, self._payments, self._files = orders, payments, files
        self._purse, self._patience = purse, patience

    async def begin(self, tale: Tale, buyer: Actor, star: Actor, video: Video, service: Service | None) -> Scene:
        """Place the order, unless it is there; it is known by its wish."""
        bought = (card.order for card in (await self._orders.bought_by(buyer)).cards)
        order = next((order for order in bought if order.wish == tale.wish), None)
        if order is None and service is not None:
            options = [option.id for option in service.options if option.name in tale.options]
            order = await self._orders.place_service(
                buyer, service_id=service.id, requirements=tale.wish, option_ids=options
            )
        if order is None:
            order = await self._orders.place_greeting(
                buyer, star_id=star.id, for_whom=tale.for_whom, wish=tale.wish, occasion=tale.occasion
            )
        return Scene(order.id, buyer, star, video, tuple(map(Action, tale.deeds.split())))

    async def tell(self, scene: Scene) -> bool:
        """Do what is left to do. Whether it came to its end: without a purse nothing is paid for.

        :raises Unavailable: the provider does not answer.
        """
        for number, deed in enumerate(scene.deeds):
            history = await self._orders.history(scene.buyer, scene.order_id)
            happened = tuple(row["action"] for row in history[1:])
            if happened[: number + 1] == scene.deeds[: number + 1]:
                continue
            if happened != scene.deeds[:number]:
                log.warning("order %s of the demo went its own way: %s", scene.order_id, ", ".join(happened))
                return True
            if deed is Action.PAY and self._purse is None:
                return False
            await self._do(deed, scene)
        return True

    async def _do(self, deed: Action, scene: Scene) -> None:
        orders, order_id = self._orders, scene.order_id
        match deed:
            case Action.PAY:
                await orders.pay(scene.buyer, order_id)
                await self._payments.wait_for(order_id, self._patience)
            case Action.MONEY_HELD:
                await self._decide_payment(scene, "pay")
            case Action.MONEY_FAILED:
                await self._decide_payment(scene, "decline")
            case Action.MONEY_CAPTURED | Action.MONEY_RELEASED | Action.MONEY_REFUNDED:
                await self._payments.wait_for(order_id, self._patience)
            case Action.ACCEPT:
                await orders.accept(scene.star, order_id)
            case Action.REJECT:
                await orders.reject(scene.star, order_id, "Улетаю на гастроли, простите!")
            case Action.DELIVER:
                await self._deliver(scene)
            case Action.APPROVE:
                await orders.approve(scene.buyer, order_id)
            case Action.REQUEST_REVISION:
                await orders.request_revision(scene.buyer, order_id, "Чудесно! Но сестру зовут Ксения, а не Аксинья.")
            case Action.DISPUTE:
                await orders.dispute(scene.buyer, order_id, "В поздравлении забыли самого именинника.")
            case Action.CANCEL:
                await orders.cancel(scene.buyer, order_id, "Праздник перенесли.")
            case _:
                raise ValueError(f"nobody here can {deed}")

    async def _decide_payment(self, scene: Scene, deed: Literal["pay", "decline"]) -> None:
        await self._payments.wait_for(scene.order_id, self._patience)
        payment = await self._payments.of_order(scene.order_id)
        if self._purse is None or payment is None or payment.provider_id is None:
            raise Unavailable(retry_after=5)
        await self._purse.decide(payment.provider_id, deed)
        await self._payments.refresh(payment.id)

    async def _deliver(self, scene: Scene) -> None:
        file = await self._files.receive(
            scene.star,
            in_one_piece(scene.video.data),
            kinds=("video",),
            folder=f"congratulation/{scene.star.id}",
            name=f"greeting.{scene.video.extension}",
        )
        await self._orders.deliver(scene.star, scene.order_id, message="С праздником!", file_ids=[file.id])


async def in_one_piece(data: bytes) -> AsyncIterator[bytes]:
    yield data
