"""Services with their options and tags, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from mystar.catalog.model import (
    MAX_SERVICE_IMAGES,
    ImageUnknown,
    Option,
    OptionDraft,
    OptionUnknown,
    Service,
    ServiceDraft,
    ServiceUnknown,
    TooManyServiceImages,
    tags_by_key,
)
from mystar.catalog.repository import QUERIES, CatalogRepository
from mystar.catalog.search_repository import SearchRepository
from mystar.catalog.taxonomy_repository import TaxonomyRepository
from mystar.creators.model import CreatorsOnly
from mystar.kit.postgres.database import Queryable

T = TypeVar("T")


class ServiceRepository:
    """Bound to a transaction."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def add(self, account_id: int, draft: ServiceDraft, now: datetime) -> int:
        """Returns the id. :raises CreatorsOnly: :raises CategoryUnknown: :raises PriceImpossible:"""
        service_id = await self._tx.value(
            QUERIES.add_service,
            account_id=account_id,
            title=draft.title,
            description=draft.description or "",
            category_id=draft.category_id or await TaxonomyRepository(self._tx).default_category(),
            base_price=draft.base_price,
            delivery_days=draft.delivery_days,
            delivery_text=draft.delivery_text or "",
            modifications_price=draft.price_with_modifications(None),
            is_active=draft.is_active is not False,
            now=now,
        )
        if service_id is None:
            raise CreatorsOnly
        await self._set_options(service_id, (), draft.options or (), now)
        await CatalogRepository(self._tx).set_tags(service_id, tags_by_key(draft.tags or ()))
        return int(service_id)

    async def lock(self, account_id: int, service_id: int) -> Service:
        """Lock and return a service of the account. :raises ServiceUnknown: there is none with this id."""
        if await self._tx.value(QUERIES.lock_service, service_id=service_id, account_id=account_id) is None:
            raise ServiceUnknown
        return (await CatalogRepository(self._tx).services([service_id]))[service_id]

    async def change(self, service: Service, draft: ServiceDraft, now: datetime) -> None:
        """Change a locked service. :raises CategoryUnknown: :raises PriceImpossible: :raises OptionUnknown:"""
        await self._tx.execute(
            QUERIES.change_service,
            service_id=service.id,
            title=_new(draft.title, service.title),
            description=_new(draft.description, service.description),
            category_id=_new(draft.category_id, service.category_id),
            base_price=_new(draft.base_price, service.base_price),
            delivery_days=_new(draft.delivery_days, service.delivery_days),
            delivery_text=_new(draft.delivery_text, service.delivery_text),
            modifications_price=draft.price_with_modifications(service),
            is_active=_new(draft.is_active, service.is_active),
            now=now,
        )
        if draft.options is not None:
            await self._set_options(service.id, service.options, draft.options, now)
        if draft.tags is not None:
            await CatalogRepository(self._tx).set_tags(service.id, tags_by_key(draft.tags))
        elif draft.title is not None or draft.description is not None:
            await SearchRepository(self._tx).put([service.id])

    async def remove(self, service_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.mark_service_removed, service_id=service_id, now=now)

    async def keep_images(self, service_id: int, image_ids: Sequence[int]) -> list[int]:
        """Keep these images, in this order. Returns the files of the removed ones. :raises ImageUnknown:"""
        rows = await self._tx.all(QUERIES.images_of_service, service_id=service_id)
        if not set(image_ids) <= {row["id"] for row in rows}:
            raise ImageUnknown
        kept = list(dict.fromkeys(image_ids))
        await self._tx.execute(QUERIES.remove_images, service_id=service_id, kept=kept)
        await self._tx.execute(QUERIES.order_images, service_id=service_id, kept=kept)
        return [row["file_id"] for row in rows if row["id"] not in kept]

    async def add_images(self, service_id: int, file_ids: Sequence[int]) -> None:
        """Behind those that are there. :raises TooManyServiceImages:"""
        if not file_ids:
            return
        rows = await self._tx.all(QUERIES.images_of_service, service_id=service_id)
        if len(rows) + len(file_ids) > MAX_SERVICE_IMAGES:
            raise TooManyServiceImages
        after = max((row["position"] for row in rows), default=0)
        await self._tx.execute(QUERIES.add_images, service_id=service_id, file_ids=list(file_ids), after=after)

    async def follow_account(self, account_id: int) -> list[int]:
        """Copy whether the account is active to its services. Returns the ids of all of them."""
        ids = [row["id"] for row in await self._tx.all(QUERIES.services_of_account, account_id=account_id)]
        if ids:
            await self._tx.execute(QUERIES.follow_account, account_id=account_id)
        return ids

    async def _set_options(
        self, service_id: int, before: Sequence[Option], drafts: Sequence[OptionDraft], now: datetime
    ) -> None:
        """Replace the options, in this order. Removed ones keep their rows for the orders that name them."""
        known = {option.id: option for option in before}
        kept, added = [], []
        for place, draft in enumerate(drafts):
            if draft.id is None:
                added.append((place + 1, _merged(Option(0, "", "", 0), draft)))
            elif (option := known.pop(draft.id, None)) is not None:
                kept.append((place + 1, _merged(option, draft)))
            else:
                raise OptionUnknown(f"options.{place}.id")
        ids = [option.id for _, option in kept]
        await self._tx.execute(QUERIES.retire_options, service_id=service_id, kept=ids, now=now)
        await self._tx.execute(QUERIES.change_options, ids=ids, **_columns(kept))
        await self._tx.execute(QUERIES.add_options, service_id=service_id, **_columns(added))


def _new(value: T | None, old: T) -> T:
    return old if value is None else value


def _merged(option: Option, draft: OptionDraft) -> Option:
    return Option(
        option.id,
        _new(draft.name, option.name),
        _new(draft.description, option.description),
        _new(draft.price, option.price),
    )


def _columns(placed: Sequence[tuple[int, Option]]) -> dict[str, list[int] | list[str]]:
    return {
        "names": [option.name for _, option in placed],
        "descriptions": [option.description for _, option in placed],
        "prices": [option.price for _, option in placed],
        "positions": [place for place, _ in placed],
    }
