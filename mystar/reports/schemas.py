"""Market schemas of reports (docs/dialects/market.md#reports)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from mystar.kit.web.fields import BaseSchema, Id, PlainText
from mystar.reports.model import MAX_COMMENT, ObjectKind, Reason, Report

_KIND = {"description": "What is reported.", "example": "review"}
_REASON = {
    "description": "`adult`: not for children; `contacts`: wants to be paid elsewhere; the others as they say.",
    "example": "insult",
}
_OBJECT = {"description": "The id of the service, review, message or account.", "example": 1}


class ReportPath(BaseSchema):
    report_id = Id(required=True)


class ReportDraft(BaseSchema):
    """A report about something that the actor sees."""

    kind = fields.String(required=True, validate=validate.OneOf([str(one) for one in ObjectKind]), metadata=_KIND)
    object_id = Id(required=True, metadata=_OBJECT)
    reason = fields.String(required=True, validate=validate.OneOf([str(one) for one in Reason]), metadata=_REASON)
    comment = PlainText(
        load_default="",
        max_length=MAX_COMMENT,
        metadata={"description": "For the staff.", "example": "It insults my daughter"},
    )


class ReportView(BaseSchema):
    id = fields.Integer(required=True)
    kind = fields.String(required=True, metadata=_KIND)
    object_id = fields.Integer(required=True, metadata=_OBJECT)
    reason = fields.String(required=True, metadata=_REASON)
    comment = fields.String(required=True, metadata={"description": "For the staff."})
    status = fields.String(
        required=True,
        metadata={
            "description": "`open`; `dismissed`: nothing is wrong with it; `upheld`: the staff have done something.",
            "enum": ["open", "dismissed", "upheld"],
            "example": "open",
        },
    )
    created_at = fields.DateTime(required=True)
    decided_at = fields.DateTime(required=True, allow_none=True, metadata={"description": "When the staff decided."})


def report_view(report: Report) -> dict[str, Any]:
    status = "open" if report.decided_at is None else "upheld" if report.is_upheld else "dismissed"
    return {
        "id": report.id,
        "kind": str(report.kind),
        "object_id": report.object_id,
        "reason": str(report.reason),
        "comment": report.comment,
        "status": status,
        "created_at": report.created_at,
        "decided_at": report.decided_at,
    }
