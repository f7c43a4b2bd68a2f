"""Services and reviews, which can be hidden, and categories, tags and skills, which can be edited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from mystar.admin.access import Handler, actor_of, staff
from mystar.admin.handlers.forms import ID, is_checked, load_row, number_field, path_id, reason_field, text_field
from mystar.admin.handlers.notes import notes_of, with_note
from mystar.admin.handlers.render import action_response, page
from mystar.admin.keys import ROWS
from mystar.admin.lists.labels import LISTING, SERVICE_KINDS
from mystar.catalog.keys import CATALOG, TAXONOMY
from mystar.creators.keys import SKILLS
from mystar.files.keys import FILES
from mystar.kit.web.multipart import form
from mystar.kit.web.routes import Route, route
from mystar.reviews.keys import REVIEWS

_PIECE = 65_536
_MAX_NAME, _MAX_DESCRIPTION, _MAX_POSITION = 100, 1000, 1_000_000


@staff("viewer")
async def show_service(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    service = await load_row(request, "service_page")
    options = await request.app[ROWS].all("service_options", id=service["id"])
    notes = await notes_of(request, "service", service["id"])
    values: dict[str, Any] = {
        "service": service,
        "options": options,
        "kinds": SERVICE_KINDS,
        "states": LISTING,
        "notes": notes,
    }
    return page(request, "service.html", **values)


@staff("operator")
async def list_service(request: web.Request) -> web.Response:
    """:raises ServiceUnknown:"""
    is_listed, reason = await is_checked(request, "is_listed"), await reason_field(request)
    async with await with_note(request, "service", path_id(request)):
        await request.app[CATALOG].set_listed(actor_of(request), path_id(request), is_listed, reason)
    return action_response(request, f"/admin/services/{path_id(request)}/")


@staff("viewer")
async def show_review(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    return page(request, "review.html", review=await load_row(request, "review_page"))


@staff("operator")
async def list_review(request: web.Request) -> web.Response:
    """:raises ReviewUnknown:"""
    reviews, is_listed = request.app[REVIEWS], await is_checked(request, "is_listed")
    action = reviews.show if is_listed else reviews.hide
    await action(actor_of(request), path_id(request), await reason_field(request))
    return action_response(request, f"/admin/reviews/{path_id(request)}/")


# Categories.


@staff("viewer")
async def show_category(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    return page(request, "named.html", definition="categories", row=await load_row(request, "category_page"))


@staff("operator")
async def add_category(request: web.Request) -> web.Response:
    """:raises Invalid: :raises CategoryExists:"""
    name, position = await _name(request), await number_field(request, "position", max_value=_MAX_POSITION)
    photo_id = await _photo(request)
    made = await request.app[TAXONOMY].add_category(actor_of(request), name, photo_id=photo_id, position=position)
    return action_response(request, f"/admin/categories/{made}/")


@staff("operator")
async def edit_category(request: web.Request) -> web.Response:
    """:raises NotFound: :raises Invalid: :raises CategoryExists:"""
    name, position = await _name(request), await number_field(request, "position", max_value=_MAX_POSITION)
    photo_id = await _photo(request)
    await request.app[TAXONOMY].edit_category(
        actor_of(request), path_id(request), name=name, photo_id=photo_id, position=position
    )
    return action_response(request, f"/admin/categories/{path_id(request)}/")


@staff("operator")
async def delete_category(request: web.Request) -> web.Response:
    """:raises NotFound: :raises CategoryInUse:"""
    await request.app[TAXONOMY].delete_category(actor_of(request), path_id(request))
    return action_response(request, "/admin/categories/")


async def _photo(request: web.Request) -> int | None:
    """The id of the uploaded picture, if there is one. :raises FileRefused: not a picture."""
    photo = (await form(request)).get("photo")
    if not isinstance(photo, web.FileField) or not photo.filename:
        return None
    file = await request.app[FILES].receive(
        actor_of(request), _pieces(photo), kinds=("image",), folder="categories", name=photo.filename, public=True
    )
    return file.id


async def _pieces(photo: web.FileField) -> AsyncIterator[bytes]:
    """The form is in memory already: it is read before its CSRF token, and bounded by `http.max_body`."""
    while piece := photo.file.read(_PIECE):
        yield piece


# Tags.


@staff("viewer")
async def show_tag(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    return page(request, "named.html", definition="tags", row=await load_row(request, "tag_page"))


@staff("operator")
async def add_tag(request: web.Request) -> web.Response:
    """:raises Invalid: :raises TagExists:"""
    made = await request.app[TAXONOMY].add_tag(actor_of(request), await _name(request))
    return action_response(request, f"/admin/tags/{made}/")


@staff("operator")
async def edit_tag(request: web.Request) -> web.Response:
    """:raises NotFound: :raises Invalid: :raises TagExists:"""
    await request.app[TAXONOMY].rename_tag(actor_of(request), path_id(request), await _name(request))
    return action_response(request, f"/admin/tags/{path_id(request)}/")


@staff("operator")
async def delete_tag(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    await request.app[TAXONOMY].delete_tag(actor_of(request), path_id(request))
    return action_response(request, "/admin/tags/")


# Skills.


@staff("viewer")
async def show_skill(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    return page(request, "named.html", definition="skills", row=await load_row(request, "skill_page"))


@staff("operator")
async def add_skill(request: web.Request) -> web.Response:
    """:raises Invalid: :raises SkillExists:"""
    made = await request.app[SKILLS].add(actor_of(request), await _name(request), await _description(request))
    return action_response(request, f"/admin/skills/{made.id}/")


@staff("operator")
async def edit_skill(request: web.Request) -> web.Response:
    """:raises SkillUnknown: :raises Invalid: :raises SkillExists:"""
    name, description = await _name(request), await _description(request)
    await request.app[SKILLS].edit(actor_of(request), path_id(request), name=name, description=description)
    return action_response(request, f"/admin/skills/{path_id(request)}/")


@staff("operator")
async def delete_skill(request: web.Request) -> web.Response:
    """:raises SkillUnknown: :raises SkillInUse:"""
    await request.app[SKILLS].delete(actor_of(request), path_id(request))
    return action_response(request, "/admin/skills/")


async def _name(request: web.Request) -> str:
    return await text_field(request, "name", max_length=_MAX_NAME, min_length=1)


async def _description(request: web.Request) -> str:
    return await text_field(request, "description", max_length=_MAX_DESCRIPTION)


def _named(plural: str, one: str, *actions: Handler) -> tuple[Route, ...]:
    """The pages and actions of entities that are little more than a name."""
    show, add, edit, delete = actions
    return (
        route("GET", f"/admin/{plural}/{ID}/", show, f"admin.{one}", documented=False),
        route("POST", f"/admin/{plural}/", add, f"admin.{plural}", documented=False),
        route("POST", f"/admin/{plural}/{ID}/", edit, f"admin.{one}", documented=False),
        route("POST", f"/admin/{plural}/{ID}/delete/", delete, f"admin.{one}-delete", documented=False),
    )


ROUTES: tuple[Route, ...] = (
    route("GET", f"/admin/services/{ID}/", show_service, "admin.service", documented=False),
    route("POST", f"/admin/services/{ID}/listing/", list_service, "admin.service-listing", documented=False),
    route("GET", f"/admin/reviews/{ID}/", show_review, "admin.review", documented=False),
    route("POST", f"/admin/reviews/{ID}/listing/", list_review, "admin.review-listing", documented=False),
    *_named("categories", "category", show_category, add_category, edit_category, delete_category),
    *_named("tags", "tag", show_tag, add_tag, edit_tag, delete_tag),
    *_named("skills", "skill", show_skill, add_skill, edit_skill, delete_skill),
)
