"""Everything that can be done with files, for all dialects."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from mystar.accounts.model import Actor
from mystar.accounts.profile import FurtherChange
from mystar.accounts.service import AccountService
from mystar.errors import Unavailable
from mystar.files.ingest import Ingestor
from mystar.files.inspection import Inspector, MediaRejected
from mystar.files.model import IMAGES, FileInUse, FileTooLarge, FileUnknown, StagedUpload, StoredFile
from mystar.files.quota import STALE, Quotas, UploadTurns
from mystar.files.repository import FileRepository
from mystar.files.turns import SharedTurns
from mystar.kit.clock import Clock
from mystar.kit.postgres.database import Database, Tx, in_transaction
from mystar.kit.security.rate_limits import RateLimits, network_of
from mystar.kit.security.tokens import Signer
from mystar.kit.storage.local import ObjectNotFound, StagedFile, Storage, is_key
from mystar.kit.web.media_urls import SIDES, media_path
from mystar.kit.web.pagination import Page, PageRequest
from mystar.sections import FileSettings

log = logging.getLogger(__name__)

#: How long an upload may wait to be attached, and bytes to get their row.
PATIENCE = timedelta(hours=24)
_BATCH = 500
#: Who asks the decoder for copies of older pictures.
_SYSTEM = "system"


def person_of(actor: Actor | None, address: str) -> str:
    """By whom turns are taken: an account, or all guests of a client's network."""
    return f"account {actor.id}" if actor else f"guest {network_of(address)}"


class FileService:
    """:param signed_link: seconds that a link to a private file is valid, at least; a quarter more at most.

    :param has_several_processes: turns of a person count in all of them.
    """

    def __init__(
        self,
        db: Database,
        storage: Storage,
        accounts: AccountService,
        signer: Signer,
        clock: Clock,
        limits: RateLimits,
        *,
        settings: FileSettings,
        signed_link: int,
        has_several_processes: bool = False,
    ) -> None:
        self._db, self._storage, self._accounts = db, storage, accounts
        self._signer, self._clock, self._limits = signer, clock, limits
        self._settings, self._signed_link = settings, signed_link
        self._quotas = Quotas(db, accounts, clock, settings)
        uploads = SharedTurns(db, clock, "upload", settings.uploads_at_once) if has_several_processes else None
        decoders = SharedTurns(db, clock, "decode", 1) if has_several_processes else None
        self._turns = UploadTurns(settings.uploads_at_once, uploads)
        self._inspector = Inspector(decoders, max_pixels=settings.max_pixels, max_frames=settings.max_frames)
        self._ingestor = Ingestor(storage, self._inspector, settings)

    # Uploading

    async def check_announced_size(self, actor: Actor, *, kinds: tuple[str, ...], size: int) -> None:
        """Refuse an upload whose announced size is too large, before its first byte.

        :param size: announced bytes; 0 when not announced.
        :raises FileTooLarge: larger than all of the kinds allow. :raises QuotaExceeded: more than the quota allows.
        """
        limit = max(map(self._ingestor.limit, kinds))
        if size > limit:
            raise FileTooLarge(limit)
        await self._quotas.require(actor, size)

    async def receive(
        self,
        actor: Actor | None,
        chunks: AsyncIterator[bytes],
        *,
        kinds: tuple[str, ...],
        folder: str,
        name: str,
        part: str = "file",
        public: bool = False,
    ) -> StoredFile:
        """Take one file as it comes and give it its row: `stage` and `insert`, and what they raise."""
        taken = await self.stage(actor, chunks, kinds=kinds, folder=folder, name=name, part=part, public=public)
        try:
            return await self.insert(taken)
        except BaseException:
            await self.delete_staged(taken)
            raise

    async def stage(
        self,
        actor: Actor | None,
        chunks: AsyncIterator[bytes],
        *,
        kinds: tuple[str, ...],
        folder: str,
        name: str,
        part: str = "file",
        public: bool = False,
        address: str = "",
    ) -> StagedUpload:
        """Stage an upload: stream its bytes to the storage, without holding them in memory (D38, promises F1, S12).

        Avatars and images lose what their cameras wrote into them; an avatar also gets its small copies. Bytes first,
        row second: a crash between the two leaves bytes, which the sweeper finds.

        :param actor: None for a guest; all guests share a quota.
        :param kinds: what the endpoint accepts: "avatar", "image", "video" or "other"; the bytes decide which it is.
        :param folder: the beginning of its key. :param name: the client's file name, never trusted.
        :param part: the form's field, for the error.
        :param public: public once it is attached. :param address: of the client, by which guests take their turns.
        :raises FileRefused: empty, broken, of another type, or under a wrong extension.
        :raises FileTooLarge: as soon as the limit of its kind is passed. :raises QuotaExceeded: nothing is left.
        :raises TooMany: uploads of the account; those of guests have limits where they are taken.
        """
        if actor is not None:
            await self._limits.hit("upload", actor.id)
        person = person_of(actor, address)
        reservation = await self._quotas.reserve(actor)
        try:
            taken = await self._ingestor.ingest(
                chunks, kinds=kinds, folder=folder, name=name, part=part, reservation=reservation, person=person
            )
        except BaseException:
            await reservation.release()
            raise
        columns = {**taken.columns, "owner_id": actor.id if actor else None, "is_public": public}
        return replace(taken, columns=columns, reservation_id=reservation.id, quota=reservation.quota)

    def turn(self, actor: Actor | None, address: str) -> AbstractAsyncContextManager[None]:
        """A turn to upload; others of the same person wait. :raises TooManyUploads: for too long."""
        return self._turns.turn(person_of(actor, address))

    async def insert(self, taken: StagedUpload) -> StoredFile:
        """Insert the row of a staged upload. The quota counts uploads, not their copies.

        :raises QuotaExceeded: meanwhile nothing is left.
        """
        async with self._db.transaction() as tx:
            files, owner_id = FileRepository(tx), taken.columns["owner_id"]
            await files.lock_quota(owner_id if isinstance(owner_id, int) else None)
            file = await files.add(quota=taken.quota, now=self._clock.now(), key=taken.key, **taken.columns)
            if taken.copies:
                await files.add_copies(file.id, taken.copies)
            if taken.reservation_id is not None:
                await files.release(taken.reservation_id)
        return file

    async def delete_staged(self, taken: StagedUpload) -> None:
        """Delete the bytes of a staged upload. Inside a transaction, which must not wait, the sweeper does it later."""
        if not in_transaction():
            await self._ingestor.delete(taken)
            if taken.reservation_id is not None:
                await FileRepository(self._db).release(taken.reservation_id)

    # Using

    async def attach(
        self, tx: Tx, file_id: int, *, owner_id: int | None, readers: Sequence[int] = (), public: bool | None = None
    ) -> StoredFile:
        """Mark the file as referred to, so that it is kept.

        :param readers: accounts that may open it besides its owner. :param public: None = unchanged.
        :raises FileUnknown: the owner has no such file. :raises FileInUse: it is attached already.
        """
        files = FileRepository(tx)
        file = await files.attach(file_id, owner_id=owner_id, is_public=public, now=self._clock.now())
        await files.let_read(file_id, readers)
        return file

    async def let_read(self, tx: Tx, file_id: int, readers: Sequence[int]) -> None:
        """Let more accounts open the file."""
        await FileRepository(tx).let_read(file_id, readers)

    async def mark_deleted(self, tx: Tx, file_id: int) -> None:
        """Delete the row of a file that nothing refers to any more. Its bytes are deleted after the commit."""
        await FileRepository(tx).mark_deleted(file_id, self._clock.now())

    async def delete_unattached(self, actor: Actor | None, file_id: int) -> None:
        """Undo an upload that nothing refers to. What is attached, or another's, stays."""
        owner_id = actor.id if actor else None
        await FileRepository(self._db).delete_unattached(file_id, owner_id=owner_id, now=self._clock.now())

    async def remove(self, actor: Actor, file_id: int) -> None:
        """Delete an upload of one's own. :raises FileUnknown: no such. :raises FileInUse: something refers to it."""
        async with self._db.transaction() as tx:
            files = FileRepository(tx)
            if not await files.delete_unattached(file_id, owner_id=actor.id, now=self._clock.now()):
                await files.owned(file_id, owner_id=actor.id)
                raise FileInUse

    async def set_avatar(self, actor: Actor, file_id: int) -> StoredFile:
        """Replace the account's avatar; the one before is deleted. :raises FileUnknown: no such upload."""
        async with self._db.transaction() as tx:
            return await self.use_as_avatar(tx, actor.id, file_id)

    async def use_as_avatar(self, tx: Tx, account_id: int, file_id: int) -> StoredFile:
        """`set_avatar` in the transaction of the caller."""
        file = await self.attach(tx, file_id, owner_id=account_id, public=True)
        before = await FileRepository(tx).lock_avatar(account_id)
        await self._accounts.set_avatar(tx, account_id, file.id, file.key)
        if before is not None:
            await self.mark_deleted(tx, before)
        return file

    def avatar_change(self, actor: Actor, file_id: int | None) -> FurtherChange | None:
        """`use_as_avatar`, to happen together with an edit of the account; None without a file."""
        return None if file_id is None else partial(self.use_as_avatar, account_id=actor.id, file_id=file_id)

    async def copy_older(self) -> int:
        """Make the missing small copies of older avatars; answer for how many."""
        copied, after = 0, 0
        while found := await FileRepository(self._db).without_copies(after=after, batch=_BATCH):
            for file in found:
                copied += await self._copy_older(file)
            after = found[-1].id
        return copied

    async def _copy_older(self, file: StoredFile) -> bool:
        try:
            async with self._storage.stage() as staged:
                async with self._storage.open(file.key) as chunks:
                    async for chunk in chunks:
                        await staged.write(chunk)
                await staged.finish()
                media = IMAGES[file.content_type]
                async with self._inspector.inspected(staged.path, media, person=_SYSTEM, sides=SIDES) as seen:
                    copies = await self._ingestor.keep_copies(file.key, seen.copies)
        except (ObjectNotFound, MediaRejected) as error:
            log.warning("the picture of file %s cannot be copied: %r", file.id, error)
            return False
        await FileRepository(self._db).add_copies(file.id, copies)
        return True

    # Opening

    async def uploads(self, actor: Actor, page: PageRequest) -> Page[StoredFile]:
        """The actor's uploads, newest first."""
        return await FileRepository(self._db).owned_by(actor.id, page)

    async def upload(self, actor: Actor, file_id: int) -> StoredFile:
        """One of them. :raises FileUnknown:"""
        return await FileRepository(self._db).owned(file_id, owner_id=actor.id)

    async def open_for(self, key: str, actor: Actor | None, *, expires: str = "", signature: str = "") -> StoredFile:
        """The file, if the account or the signed link may open it.

        :param expires, signature: as in `signed_url`.
        :raises FileUnknown: there is none, or it may not be opened; the answer does not tell which.
        """
        if not is_key(key):
            raise FileUnknown
        file, is_reader = await FileRepository(self._db).by_key(key, actor.id if actor else None)
        if file.is_open or (actor and (is_reader or actor.id == file.owner_id or actor.acts_as_staff())):
            return file
        if self._link_fits(key, expires, signature):
            return file
        raise FileUnknown

    def bytes_of(
        self, file: StoredFile, start: int = 0, size: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """:raises ObjectNotFound: the bytes of the row are missing."""
        return self._storage.open(file.key, start, size)

    def signed_url(self, file: StoredFile) -> str:
        """The path of the file; that of a private one carries a signature that expires."""
        return media_path(file.key) if file.is_open else self.private_url(file.key)

    def private_url(self, key: str) -> str:
        """The same for a file that is known to be private, by its key alone.

        Links change once in a quarter of their life, so that answers that hold them stay equal for a while.
        """
        path, step = media_path(key), max(1, self._signed_link // 4)
        now = int(self._clock.now().timestamp())
        expires = now - now % step + step + self._signed_link
        return f"{path}?expires={expires}&signature={self._signer.sign('file', key, expires)}"

    def _link_fits(self, key: str, expires: str, signature: str) -> bool:
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
            return False
        return int(expires) > self._clock.now().timestamp() and self._signer.verify(signature, "file", key, expires)

    # Files that the service makes for a while

    def stage_temporary(self) -> AbstractAsyncContextManager[StagedFile]:
        """A file to write, outside of all quotas; to be committed under a key of its own before `keep_temporary`."""
        return self._storage.stage()

    async def keep_temporary(self, tx: Tx, key: str, size: int, expires_at: datetime) -> None:
        """Keep committed bytes until then; a crash before leaves bytes that the sweeper finds."""
        await FileRepository(tx).add_temporary(key, size, expires_at)

    async def discard_temporary(self, tx: Tx, key: str) -> None:
        await FileRepository(tx).discard_temporary(key, self._clock.now())

    # Backups

    async def digests(self) -> AsyncIterator[tuple[str, bytes]]:
        """Keys of all files, copies included, with their SHA-256, ordered by key."""
        after = ""
        while found := await FileRepository(self._db).digests(after=after, batch=_BATCH):
            for key, sha256 in found:
                yield key, sha256
            after = found[-1][0]

    def stored(self, key: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes under a key. :raises ObjectNotFound:"""
        return self._storage.open(key)

    # Sweeping

    async def sweep(self) -> int:
        """Delete uploads that were not attached in time, and the bytes of deleted files; answer how many.

        :raises OSError: when all others are deleted, if some cannot be.
        """
        now = self._clock.now()
        while await FileRepository(self._db).mark_unattached_deleted(before=now - PATIENCE, now=now, batch=_BATCH):
            pass
        guests_before = now - timedelta(days=self._settings.guest_days)
        while await FileRepository(self._db).mark_old_of_guests_deleted(before=guests_before, now=now, batch=_BATCH):
            pass
        while await FileRepository(self._db).discard_expired_temporary(now, _BATCH) >= _BATCH:
            pass
        await FileRepository(self._db).delete_stale_reservations(now - STALE)
        await FileRepository(self._db).delete_expired_turns(now)
        await self._storage.purge(now - PATIENCE)
        removed, stuck, after = 0, 0, ""
        while keys := await FileRepository(self._db).marked_deleted(after=after, batch=_BATCH):
            gone = await self._delete_bytes(keys)
            await FileRepository(self._db).delete_marks(gone)
            removed, stuck, after = removed + len(gone), stuck + len(keys) - len(gone), keys[-1]
        if stuck:
            raise OSError(f"the bytes of {stuck} deleted files are left")
        return removed

    async def sweep_objects_without_row(self) -> int:
        """Delete bytes without a row, as after a crash during an upload; answer how many."""
        young = self._clock.now() - PATIENCE
        removed, batch = 0, list[str]()
        async for kept in self._storage.walk():
            if kept.stored_at < young:
                batch.append(kept.key)
            if len(batch) == _BATCH:
                removed += await self._remove_objects_without_row(batch)
                batch = []
        return removed + await self._remove_objects_without_row(batch)

    async def _remove_objects_without_row(self, keys: list[str]) -> int:
        return len(await self._delete_bytes(await FileRepository(self._db).unknown_keys(keys)))

    async def _delete_bytes(self, keys: Sequence[str]) -> list[str]:
        """Those that are deleted: one that the storage refuses to delete holds up no others."""
        gone = []
        for key in keys:
            try:
                await self._storage.delete(key)
            except Unavailable:
                raise
            except Exception as error:
                log.error("the bytes of %s cannot be deleted: %r", key, error)
            else:
                gone.append(key)
        return gone

    async def missing(self) -> AsyncIterable[str]:
        """Keys of rows whose bytes are missing; none when all is well (promise F3)."""
        after = ""
        while keys := await FileRepository(self._db).page_of_keys(after=after, batch=_BATCH):
            for key in keys:
                if not await self._storage.exists(key):
                    yield key
            after = keys[-1]
