"""What is sold and said of it: services and reviews are hidden and shown, categories, tags and skills are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from mystar.admin.access import Handler, actor_of, staff
from mystar.admin.handlers.forms import ID, id_of, number_of, shown, text_of, ticked
from mystar.admin.handlers.render import acted, page
from mystar.admin.keys import ROWS
from mystar.admin.lists.labels import LISTING, SERVICE_KINDS
from mystar.catalog.keys import CATALOG, TAXONOMY
from mystar.creators.keys import SKILLS
from mystar.files.keys import FILES
from mystar.kit.web.routes import Route, route
from mystar.reviews.keys import REVIEWS

_PIECE = 65_536
_LONGEST_NAME, _LONGEST_DESCRIPTION, _LAST_PLACE = 100, 1000, 1_000_000


@staff("viewer")
async def show_service(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    service = await shown(request, "service_page")
    options = await request.app[ROWS].all("service_options", id=service["id"])
    return page(request, "service.html", service=service, options=options, kinds=SERVICE_KINDS, states=LISTING)


@staff("operator")
async def list_service(request: web.Request) -> web.Response:
    """:raises ServiceUnknown:"""
    await request.app[CATALOG].set_listed(actor_of(request), id_of(request), await ticked(request, "is_listed"))
    return acted(request, f"/admin/services/{id_of(request)}/")


@staff("viewer")
async def show_review(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    return page(request, "review.html", review=await shown(request, "review_page"))


@staff("operator")
async def list_review(request: web.Request) -> web.Response:
    """:raises ReviewUnknown:"""
    reviews = request.app[REVIEWS]
    deed = reviews.show if await ticked(request, "is_listed") else reviews.hide
    await deed(actor_of(request), id_of(request))
    return acted(request, f"/admin/reviews/{id_of(request)}/")


# Categories.


@staff("viewer")
async def show_category(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    return page(request, "named.html", register="categories", row=await shown(request, "category_page"))


@staff("operator")
async def add_category(request: web.Request) -> web.Response:
    """:raises Invalid: :raises CategoryExists:"""
    name, position = await _name(request), await number_of(request, "position", most=_LAST_PLACE)
    photo_id = await _photo(request)
    made = await request.app[TAXONOMY].add_category(actor_of(request), name, photo_id=photo_id, position=position)
    return acted(request, f"/admin/categories/{made}/")


@staff("operator")
async def edit_category(request: web.Request) -> web.Response:
    """:raises NotFound: :raises Invalid: :raises CategoryExists:"""
    name, position = await _name(request), await number_of(request, "position", most=_LAST_PLACE)
    photo_id = await _photo(request)
    await request.app[TAXONOMY].edit_category(
        actor_of(request), id_of(request), name=name, photo_id=photo_id, position=position
    )
    return acted(request, f"/admin/categories/{id_of(request)}/")


@staff("operator")
async def delete_category(request: web.Request) -> web.Response:
    """:raises NotFound: :raises CategoryInUse:"""
    await request.app[TAXONOMY].delete_category(actor_of(request), id_of(request))
    return acted(request, "/admin/categories/")


async def _photo(request: web.Request) -> int | None:
    """The uploaded picture's id, if one was chosen. :raises FileRefused: it is no picture."""
    photo = (await request.post()).get("photo")
    if not isinstance(photo, web.FileField) or not photo.filename:
        return None
    file = await request.app[FILES].receive(
        actor_of(request), _pieces(photo), kinds=("image",), folder="categories", name=photo.filename, public=True
    )
    return file.id


async def _pieces(photo: web.FileField) -> AsyncIterator[bytes]:
    """A form is read as a whole before its token is looked at, and is bounded by `http.max_body` for that reason."""
    while piece := photo.file.read(_PIECE):
        yield piece


# Tags.


@staff("viewer")
async def show_tag(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    return page(request, "named.html", register="tags", row=await shown(request, "tag_page"))


@staff("operator")
async def add_tag(request: web.Request) -> web.Response:
    """:raises Invalid: :raises TagExists:"""
    made = await request.app[TAXONOMY].add_tag(actor_of(request), await _name(request))
    return acted(request, f"/admin/tags/{made}/")


@staff("operator")
async def edit_tag(request: web.Request) -> web.Response:
    """:raises NotFound: :raises Invalid: :raises TagExists:"""
    await request.app[TAXONOMY].rename_tag(actor_of(request), id_of(request), await _name(request))
    return acted(request, f"/admin/tags/{id_of(request)}/")


@staff("operator")
async def delete_tag(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    await request.app[TAXONOMY].delete_tag(actor_of(request), id_of(request))
    return acted(request, "/admin/tags/")


# Skills.


@staff("viewer")
async def show_skill(request: web.Request) -> web.Response:
    """:raises NotFound:"""
    return page(request, "named.html", register="skills", row=await shown(request, "skill_page"))


@staff("operator")
async def add_skill(request: web.Request) -> web.Response:
    """:raises Invalid: :raises SkillExists:"""
    made = await request.app[SKILLS].add(actor_of(request), await _name(request), await _description(request))
    return acted(request, f"/admin/skills/{made.id}/")


@staff("operator")
async def edit_skill(request: web.Request) -> web.Response:
    """:raises SkillUnknown: :raises Invalid: :raises SkillExists:"""
    name, description = await _name(request), await _description(request)
    await request.app[SKILLS].edit(actor_of(request), id_of(request), name=name, description=description)
    return acted(request, f"/admin/skills/{id_of(request)}/")


@staff("operator")
async def delete_skill(request: web.Request) -> web.Response:
    """:raises SkillUnknown: :raises SkillInUse:"""
    await request.app[SKILLS].delete(actor_of(request), id_of(request))
    return acted(request, "/admin/skills/")


async def _name(request: web.Request) -> str:
    return await text_of(request, "name", most=_LONGEST_NAME, least=1)


async def _description(request: web.Request) -> str:
    return await text_of(request, "description", most=_LONGEST_DESCRIPTION)


def _named(plural: str, one: str, *deeds: Handler) -> tuple[Route, ...]:
    """The pages and deeds of things that are little more than a name."""
    show, add, edit, delete = deeds
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
