"""Ingesting an upload: detect its type from the first bytes, count the bytes, inspect, and store."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from mystar.files.inspection import Inspector, MediaRejected
from mystar.files.model import (
    ANYTHING,
    EMPTY,
    HEAD,
    WRONG_EXTENSION,
    Copy,
    FileRefused,
    FileTooLarge,
    MediaType,
    QuotaExceeded,
    StagedUpload,
    VideoInfo,
    clean_name,
    detect_type,
    extension_of,
    kind_of,
    refusal_for,
)
from mystar.files.pictures import COPIED
from mystar.kit.storage.local import StagedFile, Storage
from mystar.kit.web.media_urls import SIDES, copy_key
from mystar.sections import FileSettings


class Ingestor:
    def __init__(self, storage: Storage, inspector: Inspector, settings: FileSettings) -> None:
        self._storage, self._inspector, self._settings = storage, inspector, settings

    def limit(self, kind: str) -> int:
        """Bytes."""
        limit: int = getattr(self._settings, f"{kind}_limit")
        return limit

    async def ingest(
        self, chunks: AsyncIterator[bytes], *, kinds: tuple[str, ...], folder: str, name: str, part: str, left: int
    ) -> StagedUpload:
        """See `FileService.stage`. :param left: bytes that the quota allows."""
        async with self._storage.stage() as staged:
            head = await _first(chunks)
            kind, media = _detect(head, kinds, name, part)
            await self._fill(staged, head, chunks, self.limit(kind), left)
            digest = await staged.finish()
            film, clean, small = await self._looked_into(staged.path, kind, media, part)
            key, size = f"{folder}/{uuid.uuid4()}.{media.extension}", staged.size
            if clean is None:
                await staged.commit(key)
            else:
                size, digest = await self._keep(key, clean)
        columns = {
            "kind": kind,
            "name": clean_name(name),
            "content_type": media.content_type,
            "size": size,
            "sha256": digest,
            "duration_ms": film.duration_ms if film else None,
            "width": film.width if film else None,
            "height": film.height if film else None,
            "codec": film.codec if film else None,
        }
        return StagedUpload(key, columns, await self.keep_copies(key, small))

    async def keep_copies(self, key: str, small: Mapping[int, bytes]) -> list[Copy]:
        return [
            Copy(copy_key(key, side), side, COPIED, *await self._keep(copy_key(key, side), content))
            for side, content in small.items()
        ]

    async def delete(self, taken: StagedUpload) -> None:
        for key in taken.keys:
            await self._storage.delete(key)

    async def _looked_into(
        self, path: Path, kind: str, media: MediaType, part: str
    ) -> tuple[VideoInfo | None, bytes | None, Mapping[int, bytes]]:
        """Metadata of a video, the bytes to store instead of a picture's own, if any, and its small copies by side."""
        try:
            film = await self._inspector.inspect(path, media)
            clean = await self._inspector.clean(path, media) if kind in ("avatar", "image") else None
            return film, clean, await self._inspector.copy(path, media, SIDES) if kind == "avatar" else {}
        except MediaRejected as error:
            raise FileRefused(part, error.reason) from error

    async def _keep(self, key: str, content: bytes) -> tuple[int, bytes]:
        """Store the content; its size in bytes and its SHA-256."""
        async with self._storage.stage() as staged:
            await staged.write(content)
            digest = await staged.finish()
            await staged.commit(key)
        return len(content), digest

    async def _fill(self, staged: StagedFile, head: bytes, chunks: AsyncIterator[bytes], limit: int, left: int) -> None:
        chunk: bytes | None = head
        while chunk is not None:
            size = staged.size + len(chunk)
            if size > limit:
                raise FileTooLarge(limit)
            if size > left:
                raise QuotaExceeded
            await staged.write(chunk)
            chunk = await anext(chunks, None)


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
    media, extension = detect_type(head), extension_of(name)
    fits = not extension or not media.extensions or extension in media.extensions
    if "other" in kinds and not fits:
        # StagedUpload as it is, and only ever handed out as a download.
        media, fits = ANYTHING, True
    kind = kind_of(media, kinds)
    if kind is None:
        raise FileRefused(part, refusal_for(kinds))
    if not fits:
        raise FileRefused(part, WRONG_EXTENSION)
    return kind, media
