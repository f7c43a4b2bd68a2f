"""Market schemas of files (docs/dialects/market.md#files)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import fields

from mystar.files.model import StoredFile
from mystar.kit.web.fields import BaseSchema, Id


class FilePath(BaseSchema):
    file_id = Id()


class FileForm(BaseSchema):
    file = fields.Raw(
        required=True,
        metadata={"type": "string", "format": "binary", "description": "The only file, whatever its field is called."},
    )


class FileView(BaseSchema):
    id = fields.Integer(required=True)
    name = fields.String(required=True)
    url = fields.String(required=True, metadata={"format": "uri", "description": "Good for an hour at least."})
    size = fields.Integer(required=True, metadata={"description": "bytes"})
    content_type = fields.String(required=True)
    uploaded_at = fields.DateTime(required=True)
    kind = fields.String(required=True)
    is_attached = fields.Boolean(
        required=True, metadata={"description": "Whether something uses it. Unused files are deleted after a day."}
    )
    duration = fields.Float(required=True, allow_none=True, metadata={"description": "seconds; of a video"})
    width = fields.Integer(required=True, allow_none=True, metadata={"description": "pixels; of a video"})
    height = fields.Integer(required=True, allow_none=True, metadata={"description": "pixels; of a video"})
    codec = fields.String(required=True, allow_none=True, metadata={"description": "of a video", "example": "h264"})


def file_view(file: StoredFile, link: Callable[[StoredFile], str]) -> dict[str, Any]:
    """:param link: makes the file's address."""
    return {
        "id": file.id,
        "name": file.name,
        "url": link(file),
        "size": file.size,
        "content_type": file.content_type,
        "uploaded_at": file.uploaded_at,
        "kind": file.kind,
        "is_attached": file.attached_at is not None,
        "duration": None if file.duration_ms is None else file.duration_ms / 1000,
        "width": file.width,
        "height": file.height,
        "codec": file.codec,
    }
