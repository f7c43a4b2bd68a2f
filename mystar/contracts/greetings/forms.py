"""Requests to become a star, questions to support, and the examples of the front page."""

from __future__ import annotations

from aiohttp import web
from aiohttp_apispec import docs, json_schema, querystring_schema, response_schema
from marshmallow import fields

from mystar.accounts.access import client_info
from mystar.accounts.keys import SUPPORT_FORMS
from mystar.accounts.schemas import EMAIL_MAX_LENGTH, PhoneNumber
from mystar.catalog.keys import CATALOG
from mystar.contracts.greetings.answers import ONE_STRING
from mystar.kit.web.fields import BaseSchema, NoParameters, PlainText
from mystar.kit.web.http import json_response, language_of
from mystar.kit.web.pagination import PageRequest
from mystar.kit.web.routes import Route, route
from mystar.kit.web.validation import body_of

REQUEST_SENT = ["Ваша заявка отправлена успешно."]
QUESTION_SENT = ["Спасибо за обращение! Мы ответим вам на почту."]
_EXAMPLES = {
    "ru": "Звёзды записывают видеопоздравления для ваших близких.",
    "en": "Stars record video greetings for the people you love.",
}
#: Videos shown, and the number of best stars they are taken from: not every star has one.
_MAX_VIDEOS, _MAX_STARS = 6, 50


class GreetingsStarRequest(BaseSchema):
    name = PlainText(required=True, min_length=1, max_length=150)
    phone = PhoneNumber(required=True)
    email = PlainText(required=True, min_length=1, max_length=EMAIL_MAX_LENGTH)


class GreetingsQuestion(BaseSchema):
    username = PlainText(required=True, min_length=1, max_length=150)
    email = PlainText(required=True, min_length=1, max_length=EMAIL_MAX_LENGTH)
    text = PlainText(required=True, min_length=1, max_length=5000)


class GreetingsExamples(BaseSchema):
    content = fields.String(required=True)
    videos = fields.List(fields.String(), required=True, metadata={"description": "paths under /media/"})


@docs(tags=["greetings: forms"], summary="Send a request to become a star")
@json_schema(GreetingsStarRequest)
@response_schema(ONE_STRING, 201)
async def request_to_become_star(request: web.Request) -> web.Response:
    await request.app[SUPPORT_FORMS].request_to_become_star(client_info(request), **body_of(request))
    return json_response(REQUEST_SENT, 201)


@docs(tags=["greetings: forms"], summary="Send a question to the support")
@json_schema(GreetingsQuestion)
@response_schema(ONE_STRING, 200)
async def ask_support(request: web.Request) -> web.Response:
    await request.app[SUPPORT_FORMS].ask_support(client_info(request), **body_of(request))
    return json_response(QUESTION_SENT)


@docs(tags=["greetings: forms"], summary="List example greetings")
@querystring_schema(NoParameters)
@response_schema(GreetingsExamples, 200)
async def examples(request: web.Request) -> web.Response:
    stars = await request.app[CATALOG].stars(page=PageRequest(size=_MAX_STARS))
    videos = [star.video_key for star in stars if star.video_key][:_MAX_VIDEOS]
    return json_response({"content": _EXAMPLES[language_of(request)], "videos": videos})


ROUTES: tuple[Route, ...] = (
    route("POST", "/api/form-request/star/", request_to_become_star, "greetings.star-request"),
    route("POST", "/api/support/", ask_support, "greetings.support"),
    route("GET", "/api/example/", examples, "greetings.examples"),
)
