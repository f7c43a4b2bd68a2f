"""Ingesting an upload: detect its type from the first bytes, count the bytes, inspect, and store."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from mystar.files.detection import detect_type, fitting_name, is_hostile_name, is_media_name
from mystar.files.inspection import Inspected, Inspector, MediaRejected, reads_heic
from mystar.files.model import (
    ANYTHING,
    COPIED,
    EMPTY,
    HEAD,
    HEIC,
    HOSTILE_NAME,
    JPEG,
    NO_HEIC,
    Copy,
    FileRefused,
    FileTooLarge,
    MediaType,
    StagedUpload,
    VideoInfo,
    clean_name,
    kind_of,
    refusal_for,
)
from mystar.files.quota import Reservation
from mystar.kit.storage.local import CHUNK, StagedFile, Storage, in_thread
from mystar.kit.web.media_urls import SIDES, copy_key
from mystar.sections import FileSettings


class Ingestor:
    def __init__(self, storage: Storage, inspector: Inspector, settings: FileSettings) -> None:
        self._storage, self._inspector, self._settings = storage, inspector, settings

    def limit(self, kind: str) -> int:
        """Bytes."""
        limit: int = getattr(self._settings, f"{kind}_limit")
        return limit

    def _require_fits(self, size: int, kind: str) -> None:
        if size > self.limit(kind):
            raise FileTooLarge(self.limit(kind))

    async def ingest(
        self,
        chunks: AsyncIterator[bytes],
        *,
        kinds: tuple[str, ...],
        folder: str,
        name: str,
        part: str,
        reservation: Reservation,
        person: str,
    ) -> StagedUpload:
        """See `FileService.stage`. :param person: whose turn it is."""
        async with self._storage.stage() as staged:
            head, name = await _first(chunks), clean_name(name)
            kind, media = _detect(head, kinds, name, part)
            await self._fill(staged, head, chunks, kind, reservation)
            digest = await staged.finish()
            async with self._inspected(staged.path, kind, media, part, person, "other" in kinds) as seen:
                media, size = seen.media, staged.size
                if media is ANYTHING:
                    kind = "other"
                    self._require_fits(size, kind)
                key = f"{folder}/{uuid.uuid4()}.{media.extension}"
                if seen.clean is None:
                    await staged.commit(key)
                else:
                    size, digest = await self._keep(key, seen.clean)
                copies = await self.keep_copies(key, seen.copies)
        columns = {
            "kind": kind,
            "name": clean_name(fitting_name(name, media)),
            "content_type": media.content_type,
            "size": size,
            "sha256": digest,
            **_columns_of(seen.video),
        }
        return StagedUpload(key, columns, copies)

    async def keep_copies(self, key: str, copies: Mapping[int, Path]) -> list[Copy]:
        return [
            Copy(copy_key(key, side), side, COPIED, *await self._keep(copy_key(key, side), path))
            for side, path in copies.items()
        ]

    async def delete(self, taken: StagedUpload) -> None:
        for key in taken.keys:
            await self._storage.delete(key)

    @asynccontextmanager
    async def _inspected(
        self, path: Path, kind: str, media: MediaType, part: str, person: str, any_other: bool
    ) -> AsyncIterator[Inspected]:
        clean, sides = kind in ("avatar", "image"), SIDES if kind == "avatar" else ()
        try:
            async with self._inspector.inspected(
                path, media, person=person, clean=clean, sides=sides, any_other=any_other
            ) as seen:
                yield seen
        except MediaRejected as error:
            raise FileRefused(part, error.reason) from error

    async def _keep(self, key: str, path: Path) -> tuple[int, bytes]:
        """Store the content of a file; its size in bytes and its SHA-256."""
        async with self._storage.stage() as staged:
            with path.open("rb", buffering=0) as file:
                while chunk := await in_thread(file.read, CHUNK):
                    await staged.write(chunk)
            digest = await staged.finish()
            await staged.commit(key)
            return staged.size, digest

    async def _fill(
        self, staged: StagedFile, head: bytes, chunks: AsyncIterator[bytes], kind: str, reservation: Reservation
    ) -> None:
        chunk: bytes | None = head
        while chunk is not None:
            size = staged.size + len(chunk)
            self._require_fits(size, kind)
            await reservation.cover(size)
            await staged.write(chunk)
            chunk = await anext(chunks, None)


def _columns_of(video: VideoInfo | None) -> dict[str, object]:
    return {name: getattr(video, name, None) for name in ("duration_ms", "width", "height", "codec")}


async def _first(chunks: AsyncIterator[bytes]) -> bytes:
    """The first bytes, enough to detect the type; fewer when the file is shorter."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    return head


def _detect(head: bytes, kinds: tuple[str, ...], name: str, part: str) -> tuple[str, MediaType]:
    if not head:
        raise FileRefused(part, EMPTY)
    media = detect_type(head)
    if "other" in kinds and (media is HEIC or not is_media_name(name)):
        # Kept as it is, and only ever handed out as a download.
        media = ANYTHING
    kind = kind_of(JPEG if media is HEIC else media, kinds)
    if kind is None:
        raise FileRefused(part, refusal_for(kinds))
    if media is HEIC and not reads_heic():
        raise FileRefused(part, NO_HEIC)
    if media is not ANYTHING and is_hostile_name(name):
        raise FileRefused(part, HOSTILE_NAME)
    return kind, media
