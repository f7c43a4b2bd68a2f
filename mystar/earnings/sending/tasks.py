"""Makes the calls that the outbox asks for: sends a part once, then follows it until it has ended."""

from __future__ import annotations

import logging

from mystar.earnings.payouts.model import Status
from mystar.earnings.sending.lookup import find
from mystar.earnings.sending.model import Providers, ToSend
from mystar.earnings.sending.service import PayoutSending
from mystar.kit.clock import Clock
from mystar.kit.outbox.model import OutboxMessage, Postpone
from mystar.payments.provider import CircuitOpen, ProviderError, RateLimited, Refused, Unauthorized

log = logging.getLogger(__name__)

#: Seconds: before a part is tried again that must not be sent now, that got no answer, and that only staff can end.
_STOPPED_PAUSE, _UNCLEAR_PAUSE, _LASTING_PAUSE = 60.0, 30.0, 3600.0
_KEY = "Idempotence-Key"


class PayoutCalls:
    """The handler of the outbox topic. The row lives until the part has ended."""

    def __init__(self, providers: Providers, sending: PayoutSending, clock: Clock) -> None:
        self._providers, self._sending, self._clock = providers, sending, clock

    async def send(self, message: OutboxMessage) -> None:
        """:raises Postpone: the part has not ended."""
        part_id: int = message.payload["part_id"]
        item = await self._sending.begin(part_id)
        if item is None:
            await self._wait_or_end(part_id)
            return
        if message.name != item.key:
            # A later attempt has a row of its own.
            return
        try:
            status = await self._advance(item, is_repeated=message.attempts > 1)
        except Unauthorized as error:
            await self._sending.stop_queue("credentials")
            log.error("the provider refuses the credentials of payouts: %s", error)
            raise Postpone(error.retry_after, str(error)) from error
        except (RateLimited, CircuitOpen) as error:
            raise Postpone(error.retry_after, str(error)) from error
        if status in (Status.SENDING, Status.PENDING, Status.UNKNOWN):
            raise Postpone(self._sending.poll.total_seconds(), f"the part is {status}")

    async def _wait_or_end(self, part_id: int) -> None:
        if (await self._sending.item(part_id)).part.status is Status.APPROVED:
            raise Postpone(_STOPPED_PAUSE, "payouts of the creator or the whole queue are stopped")

    async def _advance(self, item: ToSend, *, is_repeated: bool) -> Status:
        """Follow a payout that the provider has; make it otherwise, unless that could pay twice."""
        if item.part.status is Status.PENDING:
            return await self._look(item)
        if is_repeated or item.part.status is Status.UNKNOWN:
            found = await self._find(item)
            if found is not None:
                return found
            if not item.may_repeat(self._clock.now()):
                await self._sending.key_forgotten(item.part.id)
                raise Postpone(_LASTING_PAUSE, "the outcome is unknown and the key is forgotten")
        return await self._create(item)

    async def _look(self, item: ToSend) -> Status:
        try:
            assert item.part.provider_id is not None
            found = await self._providers.of(item).get_payout(item.part.provider_id)
        except (Unauthorized, RateLimited, CircuitOpen):
            raise
        except ProviderError as error:
            log.warning("part %s could not be read: %s", item.part.id, error)
            return item.part.status
        return await self._sending.apply(item.part.id, found)

    async def _find(self, item: ToSend) -> Status | None:
        try:
            found = await find(self._providers.of(item), item)
        except (Unauthorized, RateLimited, CircuitOpen):
            raise
        except ProviderError as error:
            raise Postpone(_UNCLEAR_PAUSE, f"the part cannot be looked up: {error}") from error
        return None if found is None else await self._sending.apply(item.part.id, found)

    async def _create(self, item: ToSend) -> Status:
        destination, deal_id = await self._sending.destination(item), await self._sending.deal_of(item)
        try:
            made = await self._providers.of(item).create_payout(
                item.key,
                amount=item.part.amount,
                destination=destination,
                description=f"Выплата №{item.payout.id}",
                metadata=item.metadata,
                deal_id=deal_id,
            )
        except Refused as refusal:
            return await self._refused(item, refusal)
        except (Unauthorized, RateLimited, CircuitOpen):
            raise
        except ProviderError as error:
            log.warning("part %s: the outcome is unknown: %s", item.part.id, error)
            await self._sending.unclear(item.part.id, str(error))
            raise Postpone(_UNCLEAR_PAUSE, str(error)) from error
        return await self._sending.apply(item.part.id, made)

    async def _refused(self, item: ToSend, refusal: Refused) -> Status:
        """A refused key means that it was used with another body: what became of that is unknown."""
        if refusal.parameter == _KEY:
            await self._sending.unclear(item.part.id, str(refusal))
            raise Postpone(_UNCLEAR_PAUSE, str(refusal)) from refusal
        log.error("part %s was refused: %s", item.part.id, refusal)
        await self._sending.refused(item.part.id, refusal.code)
        return Status.FAILED
