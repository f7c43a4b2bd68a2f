"""The rows of files, their copies and readers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mystar.files.model import Copy, FileInUse, FileUnknown, QuotaExceeded, StoredFile
from mystar.kit.postgres.database import Queryable, Row
from mystar.kit.postgres.personal_data import PersonalQueries
from mystar.kit.postgres.queries import load
from mystar.kit.web.media_urls import copy_key
from mystar.kit.web.pagination import Page, PageRequest

QUERIES = load(__package__)
PERSONAL_DATA = PersonalQueries(
    exports={
        "files": QUERIES.export_files,
    },
    erasures=(
        QUERIES.erase_readers,
        QUERIES.erase_reservations,
        QUERIES.erase_files,
        QUERIES.rename_kept_files,
    ),
)


class FileRepository:
    """Bound to a transaction, or to the database for single statements."""

    def __init__(self, tx: Queryable) -> None:
        self._tx = tx

    async def lock_quota(self, owner_id: int | None) -> None:
        """None: of guests."""
        await self._tx.execute(QUERIES.lock_quota, owner_id=owner_id)

    async def used(self, owner_id: int, since: datetime) -> int:
        """Bytes of files, and of reservations that were touched since then."""
        return int(await self._tx.value(QUERIES.used, owner_id=owner_id, since=since))

    async def reserve(self, reservation_id: int | None, **columns: object) -> tuple[int, int] | None:
        """Id and bytes of the reservation, new or grown; None when there is not enough left."""
        row = await self._tx.one_or_none(QUERIES.reserve, id=reservation_id, **columns)
        return None if row is None else (row["id"], row["size"])

    async def release(self, reservation_id: int) -> None:
        await self._tx.execute(QUERIES.release, id=reservation_id)

    async def delete_stale_reservations(self, before: datetime) -> None:
        await self._tx.execute(QUERIES.delete_stale_reservations, before=before)

    async def lock_turns(self, kind: str, person: str) -> None:
        await self._tx.execute(QUERIES.lock_turns, kind=kind, person=person)

    async def begin_turn(self, kind: str, person: str, *, at_once: int, now: datetime, until: datetime) -> int | None:
        """The id of the turn; None when as many have begun and not ended."""
        values = {"kind": kind, "person": person, "at_once": at_once, "now": now, "until": until}
        turn_id: int | None = await self._tx.value(QUERIES.begin_turn, **values)
        return turn_id

    async def extend_turn(self, turn_id: int, until: datetime) -> None:
        await self._tx.execute(QUERIES.extend_turn, id=turn_id, until=until)

    async def end_turn(self, turn_id: int) -> None:
        await self._tx.execute(QUERIES.end_turn, id=turn_id)

    async def delete_expired_turns(self, now: datetime) -> None:
        await self._tx.execute(QUERIES.delete_expired_turns, now=now)

    async def add(self, *, quota: int, **columns: object) -> StoredFile:
        """:raises QuotaExceeded: with this file its owner would have more than ``quota`` bytes."""
        row = await self._tx.one_or_none(QUERIES.add, quota=quota, **columns)
        if row is None:
            raise QuotaExceeded
        return _file(row)

    async def add_copies(self, file_id: int, copies: Sequence[Copy]) -> None:
        """Does nothing where there are some already."""
        await self._tx.execute(
            QUERIES.add_copies,
            file_id=file_id,
            keys=[copy.key for copy in copies],
            sides=[copy.side for copy in copies],
            content_types=[copy.content_type for copy in copies],
            sizes=[copy.size for copy in copies],
            digests=[copy.sha256 for copy in copies],
        )

    async def without_copies(self, *, after: int, batch: int) -> list[StoredFile]:
        """Avatars that have none, by id."""
        return [_file(row) for row in await self._tx.all(QUERIES.without_copies, after=after, batch=batch)]

    async def by_key(self, key: str, reader_id: int | None) -> tuple[StoredFile, bool]:
        """The file or copy, and whether the account is one of its readers.

        :raises FileUnknown: there is none.
        """
        row = await self._tx.one_or_none(QUERIES.by_key, key=key, reader_id=reader_id)
        if row is None:
            raise FileUnknown
        may_read, side = bool(row.pop("may_read")), row.pop("side")
        if side is not None:
            row["name"] = copy_key(row["name"], side)
        return _file(row), may_read

    async def attach(self, file_id: int, *, owner_id: int | None, is_public: bool | None, now: datetime) -> StoredFile:
        """:raises FileUnknown: none of the owner's. :raises FileInUse: attached already."""
        row = await self._tx.one_or_none(QUERIES.attach, id=file_id, owner_id=owner_id, is_public=is_public, now=now)
        if row is not None:
            return _file(row)
        if await self._tx.value(QUERIES.is_owned, id=file_id, owner_id=owner_id):
            raise FileInUse
        raise FileUnknown

    async def let_read(self, file_id: int, readers: Sequence[int]) -> None:
        if readers:
            await self._tx.execute(QUERIES.let_read, id=file_id, readers=list(readers))

    async def lock_avatar(self, account_id: int) -> int | None:
        """The id of the account's avatar file, locked: replacements happen one after the other."""
        file_id: int | None = await self._tx.value(QUERIES.lock_avatar, account_id=account_id)
        return file_id

    async def mark_deleted(self, file_id: int, now: datetime) -> None:
        await self._tx.execute(QUERIES.mark_deleted, id=file_id, now=now)

    async def delete_unattached(self, file_id: int, *, owner_id: int | None, now: datetime) -> bool:
        """Whether it was deleted: attached files and those of others are not."""
        return await self._tx.execute(QUERIES.delete_unattached, id=file_id, owner_id=owner_id, now=now) > 0

    async def owned(self, file_id: int, *, owner_id: int) -> StoredFile:
        """:raises FileUnknown: the owner has no such file."""
        row = await self._tx.one_or_none(QUERIES.owned, id=file_id, owner_id=owner_id)
        if row is None:
            raise FileUnknown
        return _file(row)

    async def owned_by(self, owner_id: int, page: PageRequest) -> Page[StoredFile]:
        """Newest first."""
        rows = await self._tx.all(QUERIES.owned_by, owner_id=owner_id, offset=page.offset, limit=page.size)
        count = int(await self._tx.value(QUERIES.count_owned_by, owner_id=owner_id))
        return Page([_file(row) for row in rows], count)

    async def mark_unattached_deleted(self, *, before: datetime, now: datetime, batch: int) -> int:
        return await self._tx.execute(QUERIES.mark_unattached_deleted, before=before, now=now, batch=batch)

    async def mark_old_of_guests_deleted(self, *, before: datetime, now: datetime, batch: int) -> int:
        return await self._tx.execute(QUERIES.mark_old_of_guests_deleted, before=before, now=now, batch=batch)

    async def marked_deleted(self, *, after: str, batch: int) -> list[str]:
        return [row["key"] for row in await self._tx.all(QUERIES.marked_deleted, after=after, batch=batch)]

    async def delete_marks(self, keys: Sequence[str]) -> None:
        await self._tx.execute(QUERIES.delete_marks, keys=list(keys))

    async def unknown_keys(self, keys: Sequence[str]) -> list[str]:
        """Those of the keys that no row has."""
        return [row["key"] for row in await self._tx.all(QUERIES.unknown_keys, keys=list(keys))]

    async def add_temporary(self, key: str, size: int, expires_at: datetime) -> None:
        await self._tx.execute(QUERIES.add_temporary, key=key, size=size, expires_at=expires_at)

    async def discard_temporary(self, key: str, now: datetime) -> None:
        await self._tx.execute(QUERIES.discard_temporary, key=key, now=now)

    async def discard_expired_temporary(self, now: datetime, batch: int) -> int:
        return await self._tx.execute(QUERIES.discard_expired_temporary, now=now, batch=batch)

    async def digests(self, *, after: str, batch: int) -> list[tuple[str, bytes]]:
        """Keys, copies included, with the SHA-256 of their bytes; ordered by key."""
        rows = await self._tx.all(QUERIES.digests, after=after, batch=batch)
        return [(row["key"], bytes(row["sha256"])) for row in rows]

    async def page_of_keys(self, *, after: str, batch: int) -> list[str]:
        return [row["key"] for row in await self._tx.all(QUERIES.page_of_keys, after=after, batch=batch)]


def _file(row: Row) -> StoredFile:
    return StoredFile(**row)
