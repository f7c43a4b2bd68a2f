"""Market schemas of creators and their skills.

See docs/dialects/market.md#accounts-and-users and docs/dialects/market.md#skills-and-portfolio.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, pre_load, validate

from mystar.accounts.schemas import CLIENT, CREATOR, NAME_MAX_LENGTH, Locale, Password, PhoneNumber, TimeZone
from mystar.creators.model import (
    DUPLICATE_SKILL,
    MAX_LEVEL,
    MAX_SKILLS,
    MIN_LEVEL,
    CreatorCard,
    CreatorSkill,
    EntryIncomplete,
    NotAList,
    Skill,
    TooManySkills,
)
from mystar.kit.web.fields import AvatarSizes, BaseSchema, BoundedInteger, Id, PlainText
from mystar.kit.web.media_urls import media_path
from mystar.kit.web.pagination import PageQuery

_MAX_BIO_LENGTH = 2000


class UserView(BaseSchema):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    email = fields.String(required=True, metadata={"description": "empty for none"})
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    full_name = fields.String(required=True)
    avatar = fields.String(required=True, allow_none=True, metadata={"format": "uri"})
    avatar_sizes = AvatarSizes(required=True, allow_none=True)
    phone = fields.String(required=True, metadata={"description": "E.164, empty for none"})
    bio = fields.String(required=True)
    location = fields.String(required=True)
    is_verified = fields.Boolean(required=True)
    user_type = fields.String(required=True, validate=validate.OneOf([CLIENT, CREATOR]))
    date_joined = fields.DateTime(required=True, attribute="created_at")
    has_creator_profile = fields.Boolean(required=True)
    creator_profile_id = fields.Integer(required=True, allow_none=True)
    has_client_profile = fields.Boolean(required=True)
    locale = fields.String(
        required=True,
        attribute="language",
        metadata={"description": "The language of mails and notifications.", "enum": ["ru", "en"], "example": "ru"},
    )
    time_zone = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "In which mails name moments; null: the service's own.", "example": "Asia/Almaty"},
    )


class ClientProfileView(UserView):
    """``user`` repeats the account for other clients."""

    user = fields.Nested(UserView, required=True)


class UserChange(BaseSchema):
    """User name and e-mail are not changed here; an empty phone removes it.

    A client sends the fields inside ``user``, or with ``user.`` before their names, and ``location_write``.

    ``current_password``: for a new phone, unless the session is younger than ten minutes.
    """

    first_name = PlainText(max_length=NAME_MAX_LENGTH)
    last_name = PlainText(max_length=NAME_MAX_LENGTH)
    phone = PhoneNumber()
    bio = PlainText(max_length=_MAX_BIO_LENGTH)
    current_password = Password()
    location = PlainText(max_length=200, metadata={"description": "Or location_write."})
    locale = Locale()
    time_zone = TimeZone()

    @pre_load
    def _read_nested(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        nested = data["user"] if isinstance(data.get("user"), Mapping) else {}
        dotted = {name.removeprefix("user."): value for name, value in data.items() if name.startswith("user.")}
        written = {"location": data["location_write"]} if "location_write" in data else {}
        return {**written, **nested, **dotted, **data}


class UserUpload(UserChange):
    """The same as a multipart form."""

    avatar = fields.Raw(metadata={"type": "string", "format": "binary"})


class AccountPath(BaseSchema):
    account_id = Id(required=True)


class PersonView(BaseSchema):
    id = fields.Integer(required=True)
    username = fields.String(required=True)
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    bio = fields.String(required=True)
    location = fields.String(required=True)
    avatar = fields.String(required=True, allow_none=True, metadata={"format": "uri"})


class CreatorView(BaseSchema):
    """The document's nine, and what greetings show of the same person."""

    id = fields.Integer(required=True)
    user = fields.Nested(PersonView, required=True)
    specialization = fields.String(required=True)
    experience = fields.String(required=True)
    portfolio_link = fields.String(required=True)
    social_links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    rating = fields.Float(required=True, metadata={"description": "The mean of votes and reviews; 0 for none."})
    rating_count = fields.Integer(required=True)
    completed_orders = fields.Integer(required=True)
    likes = fields.Integer(required=True)
    profession = fields.String(required=True)
    description = fields.String(required=True)
    is_top = fields.Boolean(required=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)


class SkillPath(BaseSchema):
    skill_id = Id(required=True)


class SkillQuery(PageQuery):
    search = PlainText(
        load_default="", max_length=100, metadata={"description": "A part of the name or the description."}
    )


class SkillView(BaseSchema):
    id = fields.Integer(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)


class CreatorSkillPath(BaseSchema):
    creator_skill_id = Id(required=True)


class OfCreatorQuery(PageQuery):
    """Both names mean the same; without either, the own profile."""

    creator_profile_id = Id(load_default=None)
    creator_profile = Id(load_default=None)

    @post_load
    def _one_name(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        other = data.pop("creator_profile")
        data["creator_profile_id"] = data["creator_profile_id"] or other
        return data


class SkillDraft(BaseSchema):
    """``skill`` or ``skill_id``. It is always added to the own profile."""

    skill = Id(metadata={"description": "Or skill_id."})
    skill_id = Id()
    level = BoundedInteger(min_value=MIN_LEVEL, max_value=MAX_LEVEL, load_default=1)

    @post_load
    def _one_name(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        named = [data[name] for name in ("skill", "skill_id") if name in data]
        if not named:
            raise ValidationError({"skill": ["Missing data for required field."]})
        return {"skill_id": named[0], "level": data["level"]}


class LevelDraft(BaseSchema):
    level = BoundedInteger(min_value=MIN_LEVEL, max_value=MAX_LEVEL, required=True)


class LevelChange(BaseSchema):
    level = BoundedInteger(min_value=MIN_LEVEL, max_value=MAX_LEVEL)


class SkillLevel(BaseSchema):
    skill_id = Id(required=True)
    level = BoundedInteger(min_value=MIN_LEVEL, max_value=MAX_LEVEL, required=True)


class SkillLevels(SkillLevel):
    """A list of them. What clients show as it is is said before the rest is looked at.

    See docs/dialects/market.md#skills-and-portfolio.
    """

    def load(self, data: Any, **options: Any) -> Any:
        """The levels by skill. :raises NotAList: :raises EntryIncomplete: :raises TooManySkills:"""
        if not isinstance(data, list):
            raise NotAList
        if len(data) > MAX_SKILLS:
            raise TooManySkills(limit=MAX_SKILLS)
        entries: list[dict[str, int]] = super().load([_entry(one) for one in data], **{**options, "many": True})
        levels: dict[int, int] = {}
        for number, entry in enumerate(entries):
            if entry["skill_id"] in levels:
                raise ValidationError({f"{number}.skill_id": [DUPLICATE_SKILL]})
            levels[entry["skill_id"]] = entry["level"]
        return levels


def _entry(one: Any) -> dict[str, Any]:
    if not isinstance(one, dict):
        raise EntryIncomplete
    skill_id, level = one.get("skill_id") or one.get("skill"), one.get("level")
    if not skill_id or not level:
        raise EntryIncomplete
    return {"skill_id": skill_id, "level": level}


class CreatorSkillView(BaseSchema):
    id = fields.Integer(required=True)
    skill = fields.Nested(SkillView, required=True)
    level = fields.Integer(required=True)
    creator_profile = fields.Integer(required=True)


class SetSkillView(BaseSchema):
    id = fields.Integer(required=True)
    skill_id = fields.Integer(required=True)
    skill_name = fields.String(required=True)
    level = fields.Integer(required=True)
    created = fields.Boolean(required=True)


def creator_view(card: CreatorCard, public_url: str) -> dict[str, Any]:
    """:param public_url: what absolute addresses begin with."""
    creator = card.creator
    return {
        "id": creator.id,
        "user": {
            "id": creator.account_id,
            "username": card.username,
            "first_name": card.first_name,
            "last_name": card.last_name,
            "bio": card.bio,
            "location": card.location,
            "avatar": public_url + media_path(card.avatar_key) if card.avatar_key else None,
        },
        "specialization": creator.specialization,
        "experience": creator.experience,
        "portfolio_link": creator.portfolio_link,
        "social_links": creator.social_links,
        "rating": float(creator.rating),
        "rating_count": creator.rating_count,
        "completed_orders": creator.completed_orders,
        "likes": creator.likes_count,
        "profession": creator.profession,
        "description": creator.description,
        "is_top": creator.is_top,
        "created_at": creator.created_at,
        "updated_at": creator.updated_at,
    }


def skill_view(skill: Skill) -> dict[str, Any]:
    return {"id": skill.id, "name": skill.name, "description": skill.description}


def creator_skill_view(given: CreatorSkill) -> dict[str, Any]:
    return {
        "id": given.id,
        "skill": skill_view(given.skill),
        "level": given.level,
        "creator_profile": given.creator_id,
    }
