"""Files: records, accepted types, and errors (D38)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mystar.errors import Conflict, Invalid, NotFound, Text, TooLarge, TooMany

#: Bytes that are enough to recognise every type we take.
HEAD = 4096


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is kept. ``size`` in bytes; ``key`` is its path behind /media/; a guest's has no owner."""

    id: int
    owner_id: int | None
    key: str
    kind: str
    name: str
    content_type: str
    size: int
    sha256: bytes
    is_public: bool
    uploaded_at: datetime
    attached_at: datetime | None
    #: Of a video: duration in milliseconds, size in pixels, codec.
    duration_ms: int | None = None
    width: int | None = None
    height: int | None = None
    codec: str | None = None

    @property
    def is_open(self) -> bool:
        """Public, and in use: until it is attached, an upload is only its owner's."""
        return self.is_public and self.attached_at is not None


@dataclass(frozen=True, slots=True)
class Copy:
    """A small square copy of a picture, as its row says. ``side`` in pixels, ``size`` in bytes."""

    key: str
    side: int
    content_type: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Metadata of a video. ``duration_ms`` None: not in the file, as in a live recording."""

    duration_ms: int | None
    width: int
    height: int
    codec: str


@dataclass(frozen=True, slots=True)
class StagedUpload:
    """A file whose bytes, and those of its copies, are stored, without a row yet. ``columns`` are those of the row."""

    key: str
    columns: Mapping[str, object]
    copies: Sequence[Copy] = ()
    #: Bytes that are reserved for it until it has its row, by `mystar.files.quota`; and all that its owner may have.
    reservation_id: int | None = None
    quota: int = 0

    @property
    def keys(self) -> list[str]:
        return [self.key, *(copy.key for copy in self.copies)]


@dataclass(frozen=True, slots=True)
class MediaType:
    """An accepted type: the extension it is stored with, those it may come with, and its decoder."""

    content_type: str
    extension: str
    extensions: frozenset[str]
    #: The name of the format for Pillow or of the demuxer for FFmpeg.
    reader: str


def _type(content_type: str, reader: str, *extensions: str) -> MediaType:
    return MediaType(content_type, extensions[0], frozenset(extensions), reader)


IMAGES: Mapping[str, MediaType] = {
    one.content_type: one
    for one in (
        _type("image/jpeg", "JPEG", "jpeg", "jpg", "jpe", "jfif"),
        _type("image/png", "PNG", "png"),
        _type("image/webp", "WEBP", "webp"),
        _type("image/gif", "GIF", "gif"),
        _type("image/avif", "AVIF", "avif"),
    )
}
JPEG = IMAGES["image/jpeg"]
VIDEOS: Mapping[str, MediaType] = {
    one.content_type: one
    for one in (
        _type("video/mp4", "mp4", "mp4", "m4v"),
        _type("video/quicktime", "mov", "mov", "qt"),
        _type("video/webm", "matroska", "webm"),
    )
}
#: Pictures of telephones. They are kept as JPEG, where the library that reads them is installed.
HEIC = _type("image/heic", "HEIF", "heic", "heif", "hif")
#: Any other file: served as a download only.
ANYTHING = MediaType("application/octet-stream", "bin", frozenset(), "")

#: The type of all small copies.
COPIED = "image/webp"

#: What an endpoint may ask for. Limits of size go by these names.
KINDS: Mapping[str, Mapping[str, MediaType]] = {
    "avatar": IMAGES,
    "image": IMAGES,
    "video": VIDEOS,
    "other": {**IMAGES, **VIDEOS, ANYTHING.content_type: ANYTHING},
}


class FileRefused(Invalid):
    """The file in a field of a form is not acceptable."""

    def __init__(self, part: str, reason: Text) -> None:
        super().__init__(fields={part: [reason]})


class FileTooLarge(TooLarge):
    """An upload exceeds the limit of its kind (D38).

    ``limit``: bytes.
    """

    code = "file_too_large"
    text = Text("Файл слишком большой: можно не больше {megabytes} МБ.", "The file is larger than {megabytes} MB.")

    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit, megabytes=f"{limit / 2**20:.2f}".rstrip("0").rstrip("."))


class QuotaExceeded(TooLarge):
    """All files of the account together exceed its quota (D38)."""

    code = "quota_exceeded"
    text = Text("Место для ваших файлов закончилось.", "There is no room left for your files.")


class QuotaUntilConfirmed(QuotaExceeded):
    """All files of an account whose e-mail is not confirmed exceed what such an account may have (D38)."""

    code = "quota_until_confirmed"
    text = Text("Подтвердите адрес почты, чтобы загружать больше.", "Confirm your e-mail address to upload more.")


class TooManyUploads(TooMany):
    """Too many uploads of one account, or from one address, at a time (D38)."""

    code = "too_many_uploads"
    text = Text("Дождитесь конца других ваших загрузок.", "Wait until your other uploads have ended.")

    def __init__(self) -> None:
        super().__init__(retry_after=10)


class FileUnknown(NotFound):
    """The file does not exist, or the actor may not see it (D4)."""

    code = "file_unknown"
    text = Text("Файл не найден.", "The file was not found.")


class FileInUse(Conflict):
    """The file is attached to something: it cannot be attached again, or deleted by itself."""

    code = "file_in_use"
    text = Text("Этот файл уже используется.", "This file is already in use.")


MISSING = Text("Файл не был отправлен.", "No file was sent.")
EMPTY = Text("Файл пуст.", "The file is empty.")
ONE_ONLY = Text("Можно отправить только один файл.", "Only one file can be sent.")
NOT_AN_IMAGE = Text("Нужна картинка: JPEG, PNG, WEBP, GIF или AVIF.", "Send a picture: JPEG, PNG, WEBP, GIF or AVIF.")
NOT_A_VIDEO = Text("Нужно видео: MP4, MOV или WEBM.", "Send a video: MP4, MOV or WEBM.")
NEITHER = Text("Нужно видео или картинка.", "Send a video or a picture.")
HOSTILE_NAME = Text(
    "Расширение имени файла не соответствует его содержимому.", "The extension of the file's name does not fit it."
)
NO_HEIC = Text("Снимки HEIC здесь не принимаются: отправьте JPEG.", "HEIC is not accepted here: send a JPEG.")
BROKEN = Text("Файл повреждён или загружен не полностью.", "The file is broken or incomplete.")
TOO_MANY_PIXELS = Text("В картинке слишком много точек.", "The picture has too many pixels.")
TOO_MANY_FRAMES = Text("В анимации слишком много кадров.", "The animation has too many frames.")
TOO_MANY_SCANS = Text("JPEG сохранён слишком сложно.", "The JPEG has too many scans.")
TOO_COSTLY = Text("Этот файл слишком сложен, чтобы его открыть.", "This file takes too much to be opened.")
NO_PICTURE = Text("В этом файле нет видео.", "There is no video in this file.")


def kind_of(media: MediaType, kinds: tuple[str, ...]) -> str | None:
    """The first of the kinds that takes this type."""
    return next((kind for kind in kinds if media.content_type in KINDS[kind]), None)


def refusal_for(kinds: tuple[str, ...]) -> Text:
    """The message for a file of another type."""
    wanted = {id(KINDS[kind]) for kind in kinds}
    if wanted == {id(IMAGES)}:
        return NOT_AN_IMAGE
    return NOT_A_VIDEO if wanted == {id(VIDEOS)} else NEITHER


_DRIVES_AND_FOLDERS = re.compile(r"^.*[/\\:]", re.DOTALL)
_MAX_NAME_LENGTH = 200


def clean_name(name: str) -> str:
    """A client's file name as something to show and to save under: no folders, no control characters, bounded."""
    bare = _DRIVES_AND_FOLDERS.sub("", unicodedata.normalize("NFC", name))
    visible = "".join(one for one in bare if unicodedata.category(one)[0] != "C").strip(" .")
    stem, dot, extension = visible.rpartition(".")
    if dot and len(extension) <= 10:
        return f"{stem[: _MAX_NAME_LENGTH - len(extension) - 1]}.{extension}"
    return visible[:_MAX_NAME_LENGTH] or "file"
