"""Market schemas of reviews (docs/dialects/market.md#reviews)."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, post_load

from mystar.kit.web.fields import BaseSchema, BoundedInteger, Id, PlainText
from mystar.kit.web.media_urls import media_path
from mystar.reviews.model import Review

_MAX_LENGTH = 5000


class OrderPath(BaseSchema):
    order_id = Id(required=True)


class ReviewPath(BaseSchema):
    review_id = Id(required=True)


class CreatorPath(BaseSchema):
    creator_id = Id(required=True)


class ServicePath(BaseSchema):
    service_id = Id(required=True)


class ReplyDraft(BaseSchema):
    """``content`` or ``comment``."""

    content = PlainText(min_length=1, max_length=_MAX_LENGTH, metadata={"description": "Or comment."})
    comment = PlainText(min_length=1, max_length=_MAX_LENGTH)

    @post_load
    def _one_name(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        given = [data.pop(name) for name in ("content", "comment") if name in data]
        if not given:
            raise ValidationError({"content": ["Missing data for required field."]})
        return {**data, "words": given[0]}


class ReviewDraft(ReplyDraft):
    rating = BoundedInteger(min_value=1, max_value=5, required=True)


class ReviewerView(BaseSchema):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    avatar = fields.String(required=True, allow_none=True, metadata={"format": "uri"})


class ReplyView(BaseSchema):
    """``comment`` repeats ``content`` for other clients."""

    content = fields.String(required=True)
    comment = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)


class ReviewView(BaseSchema):
    """``comment`` repeats ``content`` for other clients."""

    id = fields.Integer(required=True)
    order_id = fields.Integer(required=True)
    service_id = fields.Integer(required=True)
    service_title = fields.String(required=True)
    creator_profile = fields.Integer(required=True)
    creator_name = fields.String(required=True)
    reviewer = fields.Nested(ReviewerView, required=True)
    rating = fields.Integer(required=True)
    content = fields.String(required=True)
    comment = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)
    reply = fields.Nested(ReplyView, required=True, allow_none=True)


def review_view(review: Review, public_url: str) -> dict[str, Any]:
    """:param public_url: the beginning of absolute addresses."""
    author, reply = review.author, review.reply
    return {
        "id": review.id,
        "order_id": review.order_id,
        "service_id": review.service_id,
        "service_title": review.service_title,
        "creator_profile": review.creator_id,
        "creator_name": review.creator_name,
        "reviewer": {
            "id": author.id,
            "username": author.username,
            "avatar": public_url + media_path(author.avatar_key) if author.avatar_key else None,
        },
        "rating": review.rating,
        "content": review.words,
        "comment": review.words,
        "created_at": review.created_at,
        "updated_at": review.updated_at,
        "reply": reply
        and {
            "content": reply.words,
            "comment": reply.words,
            "created_at": reply.written_at,
            "updated_at": reply.edited_at or reply.written_at,
        },
    }
