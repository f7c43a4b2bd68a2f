"""What the market reads and writes about exports and erasures."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mystar.kit.postgres.personal_data import Obstacle
from mystar.kit.web.fields import BaseSchema, Id
from mystar.privacy.model import DataExport, Erasure, shown_obstacle


class PasswordProof(BaseSchema):
    """Needed unless the password was given, or the session opened, in the last ten minutes."""

    password = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=1024),
        metadata={"description": "The account's password."},
    )


class ExportPath(BaseSchema):
    export_id = Id(required=True)


class ExportView(BaseSchema):
    id = fields.Integer(required=True)
    status = fields.String(
        required=True,
        validate=validate.OneOf(["waiting", "ready", "failed", "expired"]),
        metadata={"description": "`waiting` until the archive is made; `ready` while it is kept."},
    )
    requested_at = fields.DateTime(required=True)
    finished_at = fields.DateTime(required=True, allow_none=True)
    expires_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "Until when the archive is kept."}
    )
    size = fields.Integer(required=True, allow_none=True, metadata={"description": "Bytes of the archive."})
    download = fields.String(
        required=True, allow_none=True, metadata={"description": "The path of the archive while it is ready."}
    )


class ObstacleView(BaseSchema):
    code = fields.String(required=True, metadata={"description": "What has to be settled."})
    ids = fields.List(
        fields.Integer(), required=True, metadata={"description": "Ids of the orders, payments, payouts or receipts."}
    )
    message = fields.String(required=True)


class ErasureView(BaseSchema):
    is_requested = fields.Boolean(required=True, metadata={"description": "Whether the account is going to be erased."})
    requested_at = fields.DateTime(required=True, allow_none=True)
    due_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "When the account is erased unless it is kept."}
    )
    waiting_days = fields.Float(required=True, metadata={"description": "Days between a request and the erasure."})
    obstacles = fields.List(
        fields.Nested(ObstacleView), required=True, metadata={"description": "What stands in the way of an erasure."}
    )


def export_view(export: DataExport) -> dict[str, Any]:
    is_ready = export.status == "ready"
    view: dict[str, Any] = ExportView().dump(
        {
            "id": export.id,
            "status": export.status,
            "requested_at": export.created_at,
            "finished_at": export.finished_at,
            "expires_at": export.expires_at if is_ready else None,
            "size": export.size,
            "download": f"/api/v1/users/me/export/{export.id}/archive/" if is_ready else None,
        }
    )
    return view


def erasure_view(
    erasure: Erasure | None, obstacles: list[Obstacle], waiting_days: float, language: str
) -> dict[str, Any]:
    view: dict[str, Any] = ErasureView().dump(
        {
            "is_requested": erasure is not None,
            "requested_at": erasure.requested_at if erasure else None,
            "due_at": erasure.due_at if erasure else None,
            "waiting_days": waiting_days,
            "obstacles": [shown_obstacle(one, language) for one in obstacles],
        }
    )
    return view
