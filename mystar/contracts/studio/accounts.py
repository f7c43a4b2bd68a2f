"""Log-in by phone (``/api/token/``, contract D37)."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, response_schema

from mystar.accounts import handlers as house
from mystar.accounts.access import ACCOUNTS, signed_in_response, visitor_of
from mystar.accounts.schemas import Password, PhoneNumber, TokenPair
from mystar.kit.fields import Shape
from mystar.kit.routes import Route, route
from mystar.kit.validation import body_of


class StudioLogin(Shape):
    phone_number = PhoneNumber(required=True)
    password = Password(required=True)


@docs(tags=["studio: people"], summary="Log in by phone")
@json_schema(StudioLogin)
@response_schema(TokenPair, 200)
async def log_in(request: web.Request) -> web.Response:
    body = body_of(request)
    entered = await request.app[ACCOUNTS].log_in(visitor_of(request), "studio", body["phone_number"], body["password"])
    return signed_in_response(request, entered, {"refresh": entered.refresh, "access": entered.access})


ROUTES: tuple[Route, ...] = (
    route("POST", "/api/token/", log_in, "studio.token"),
    # The house's handler, which reads and answers the same; what it refuses is said in this dialect's words.
    route("POST", "/api/token/refresh/", house.refresh, "studio.token-refresh"),
)
