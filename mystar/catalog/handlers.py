"""Market endpoints of the catalogue (docs/dialects/market.md#services)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web
from aiohttp_apispec import docs, match_info_schema, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import actor_of, limited, login_optional, login_required, maybe_actor_of
from mystar.catalog.forms import ServiceForm, ServicePatch, ServiceUpload, ServiceUploadPatch, draft_of
from mystar.catalog.keys import CATALOG, LISTINGS, TAXONOMY
from mystar.catalog.model import MAX_SERVICE_IMAGES, Service
from mystar.catalog.schemas import (
    BriefServiceView,
    CatalogCategoryView,
    CatalogTagView,
    ServicePath,
    ServiceQuery,
    ServiceView,
    TagQuery,
    brief_service_shape,
    category_shape,
    filter_of,
    is_own,
    service_shape,
    tag_shape,
)
from mystar.catalog.search import ServiceFilter
from mystar.catalog.subjects import LISTS, category_subject, service_subject
from mystar.creators.keys import CREATORS
from mystar.errors import Unauthenticated
from mystar.files.forms import FileField, json_body, multipart_schema, read_fields
from mystar.kit.web.bare_lists import list_request, list_response
from mystar.kit.web.fields import BaseSchema, NoParameters
from mystar.kit.web.http import PUBLIC_URL, json_response, language_of
from mystar.kit.web.idempotency import idempotent
from mystar.kit.web.pagination import page_of, page_request, page_response
from mystar.kit.web.replicas import reading_old
from mystar.kit.web.response_cache import cached, depends_on
from mystar.kit.web.routes import Route, alias, route
from mystar.kit.web.validation import path_of, query_of

TAGS = ["market: services"]
_IMAGES = FileField("uploaded_images", ("image",), "services", public=True, max_count=MAX_SERVICE_IMAGES)


class FilterChoice(BaseSchema):
    """Always an empty list: services have neither platforms nor languages."""

    id = fields.Integer()
    name = fields.String()


@cached
@docs(tags=TAGS, summary="Search the catalogue by words and filters")
@login_optional
@querystring_schema(ServiceQuery)
@response_schema(page_of(ServiceView), 200)
async def list_services(request: web.Request) -> web.Response:
    listings, own, page = request.app[LISTINGS], is_own(query_of(request)), page_request(request)
    filters = await _filters(request, own=own)
    if own:
        actor = maybe_actor_of(request)
        if actor is None:
            raise Unauthenticated
        found = await listings.own(actor, filters, page)
    else:
        # Searches are not kept, so they may be older than the request.
        with reading_old(request, allowed=bool(filters.text)):
            found = await listings.find(filters, page)
        if not filters.text:
            depends_on(request, *_subjects(filters))
    return page_response(request, [_shape(request, one) for one in found.rows], found.count)


@docs(tags=TAGS, summary="List the actor's services, hidden ones included")
@login_required
@querystring_schema(ServiceQuery)
@response_schema(page_of(ServiceView), 200)
async def list_own_services(request: web.Request) -> web.Response:
    page = page_request(request)
    found = await request.app[LISTINGS].own(actor_of(request), await _filters(request, own=True), page)
    return page_response(request, [_shape(request, one) for one in found.rows], found.count)


@limited("listing")
@docs(tags=TAGS, summary="Create a service with its options and tags; for creators", requestBody=json_body(ServiceForm))
@login_required
@multipart_schema(ServiceUpload)
@response_schema(ServiceView, 201)
@idempotent
async def create_service(request: web.Request) -> web.StreamResponse:
    # Refused before the upload is read.
    await request.app[CREATORS].require(actor_of(request))
    async with read_fields(request, ServiceForm(), _IMAGES) as (form, files):
        draft = draft_of(form, [file.id for file in files.get(_IMAGES.part, ())])
        service = await request.app[LISTINGS].create(actor_of(request), draft)
    return json_response(_shape(request, service), 201)


@cached
@docs(tags=TAGS, summary="Read a service; a hidden one only for its creator and staff")
@login_optional
@match_info_schema(ServicePath)
@response_schema(ServiceView, 200)
async def read_service(request: web.Request) -> web.Response:
    service = await _service(request)
    return json_response(_shape(request, service))


@cached
@docs(tags=TAGS, summary="Read a service with prices and times as text")
@login_optional
@match_info_schema(ServicePath)
@response_schema(BriefServiceView, 200)
async def read_brief_service(request: web.Request) -> web.Response:
    service = await _service(request)
    return json_response(brief_service_shape(service, language_of(request)))


@docs(tags=TAGS, summary="Update fields of a service; orders keep what was agreed", requestBody=json_body(ServicePatch))
@login_required
@match_info_schema(ServicePath)
@multipart_schema(ServiceUploadPatch)
@response_schema(ServiceView, 200)
async def change_service(request: web.Request) -> web.Response:
    return await _changed(request, ServicePatch)


@docs(tags=TAGS, summary="Replace a service; absent optional fields are kept", requestBody=json_body(ServiceForm))
@login_required
@match_info_schema(ServicePath)
@multipart_schema(ServiceUpload)
@response_schema(ServiceView, 200)
async def replace_service(request: web.Request) -> web.Response:
    return await _changed(request, ServiceForm)


@docs(tags=TAGS, summary="Delete a service; its orders go on", responses={204: {"description": "Deleted"}})
@login_required
@match_info_schema(ServicePath)
async def remove_service(request: web.Request) -> web.Response:
    await request.app[LISTINGS].remove(actor_of(request), **path_of(request))
    return web.Response(status=204)


@docs(tags=TAGS, summary="List categories by position")
@querystring_schema(NoParameters)
@response_schema(CatalogCategoryView(many=True), 200)
async def list_categories(request: web.Request) -> web.Response:
    found = await request.app[CATALOG].categories()
    return json_response([category_shape(one, request.app[PUBLIC_URL]) for one in found])


@docs(tags=TAGS, summary="List tags by name")
@querystring_schema(TagQuery)
@response_schema(CatalogTagView(many=True), 200)
async def list_tags(request: web.Request) -> web.Response:
    page = list_request(request)
    found = await request.app[TAXONOMY].tags(page, prefix=query_of(request)["search"])
    return list_response(request, [tag_shape(one) for one in found.rows], found.count, page)


@docs(tags=TAGS, summary="List further filters of the catalogue; there are none")
@querystring_schema(NoParameters)
@response_schema(FilterChoice(many=True), 200)
async def list_nothing(_request: web.Request) -> web.Response:
    return json_response([])


async def _service(request: web.Request) -> Service:
    service = await request.app[LISTINGS].service(maybe_actor_of(request), **path_of(request))
    if service.is_listed:
        depends_on(request, service_subject(service.id))
    return service


def _subjects(filters: ServiceFilter) -> list[str]:
    return [category_subject(one) for one in filters.category_ids] if filters.category_ids else [LISTS]


def _shape(request: web.Request, service: Service) -> dict[str, Any]:
    return service_shape(service, request.app[PUBLIC_URL], language_of(request))


async def _filters(request: web.Request, *, own: bool) -> ServiceFilter:
    query = query_of(request)
    names: list[str] = [name for name in query.get("category", "").split(",") if name.strip()]
    category_ids = await request.app[LISTINGS].category_ids(names) if names else None
    return filter_of(query, category_ids, default_kind="all" if own else "service")


async def _changed(request: web.Request, schema: type[ServiceForm]) -> web.Response:
    async with read_fields(request, schema(), _IMAGES) as (form, files):
        draft = draft_of(form, [file.id for file in files.get(_IMAGES.part, ())])
        if request.method == "PUT" and draft.image_ids:
            draft = replace(draft, kept_images=draft.kept_images or ())
        service = await request.app[LISTINGS].change(actor_of(request), **path_of(request), draft=draft)
    return json_response(_shape(request, service))


_ALL, _BARE, _ID = "/api/v1/services/", "/api/services/", r"{service_id:\d{1,18}}/"
_LIST = route("GET", _ALL, list_services, "market.services")
_CREATE = route("POST", _ALL, create_service, "market.services")
_OWN = route("GET", "/api/v1/users/me/services/", list_own_services, "market.my-services")
_LISTED = (
    route("GET", "/api/v1/tags/", list_tags, "market.tags"),
    route("GET", "/api/v1/platforms/", list_nothing, "market.platforms"),
    route("GET", "/api/v1/languages/", list_nothing, "market.languages"),
)
ROUTES: tuple[Route, ...] = (
    _LIST,
    _CREATE,
    _OWN,
    route("GET", _ALL + _ID, read_service, "market.service"),
    route("PUT", _ALL + _ID, replace_service, "market.service"),
    route("PATCH", _ALL + _ID, change_service, "market.service"),
    route("DELETE", _ALL + _ID, remove_service, "market.service"),
    route("GET", _BARE + _ID, read_brief_service, "market.brief-service"),
    route("PUT", _BARE + _ID, replace_service, "market.brief-service", documented=False),
    route("PATCH", _BARE + _ID, change_service, "market.brief-service", documented=False),
    route("DELETE", _BARE + _ID, remove_service, "market.brief-service", documented=False),
    # /api/categories/ without a version is the greetings' own.
    route("GET", "/api/v1/categories/", list_categories, "market.categories"),
    *_LISTED,
    alias(_BARE, _LIST),
    alias(_BARE, _CREATE),
    alias("/api/users/me/services/", _OWN),
    *(alias(one.path.replace("/v1", "", 1), one) for one in _LISTED),
)
