"""What handlers declare is read and checked in front of them; what is wrong is said by field, in both languages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp_apispec import json_schema, match_info_schema, querystring_schema
from marshmallow import fields

from mystar.errors import Invalid, Unreadable
from mystar.kit.web.fields import BaseSchema, BoundedInteger, BoundedList, Id, PlainText, RubleAmount
from mystar.kit.web.http import json_response
from mystar.kit.web.validation import body_of, path_of, query_of, validation_middleware


class Option(BaseSchema):
    name = PlainText(max_length=5, required=True)


class Body(BaseSchema):
    star = Id(required=True)
    price = RubleAmount()
    wish = PlainText(min_length=2, max_length=10)
    tags = BoundedList(PlainText(max_length=5), max_items=2)
    options = BoundedList(fields.Nested(Option), max_items=300)


class Query(BaseSchema):
    page = BoundedInteger(min_value=1, max_value=100, load_default=1)


class Path(BaseSchema):
    id = Id()


@json_schema(Body)
@querystring_schema(Query)
@match_info_schema(Path)
async def handler(request: web.Request) -> web.Response:
    return json_response({"body": body_of(request), "query": query_of(request), "path": path_of(request)})


@web.middleware
async def spoken(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        return await handler(request)
    except Unreadable as error:
        return json_response({"code": error.code}, 400)
    except Invalid as error:
        return json_response({"ru": error.field_messages("ru"), "en": error.field_messages("en")}, 422)


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application(middlewares=[spoken, validation_middleware])
    app.router.add_post("/{id}", handler)
    async with TestClient(TestServer(app)) as client:
        yield client


Client = TestClient[web.Request, web.Application]


async def loaded(client: Client, **how: Any) -> Any:
    answer = await client.post("/7?page=2", **how)
    assert answer.status == 200, await answer.text()
    return (await answer.json())["body"]


async def refused(client: Client, language: str = "en", **how: Any) -> Any:
    answer = await client.post("/7", **how)
    assert answer.status == 422
    return (await answer.json())[language]


async def test_body_query_and_path_reach_the_handler(client: Client) -> None:
    answer = await client.post("/7?page=2&extra=1", json={"star": 5, "admin": True})
    assert await answer.json() == {"body": {"star": 5}, "query": {"page": 2}, "path": {"id": 7}}


async def test_json_is_read_with_any_content_type_and_forms_with_theirs(client: Client) -> None:
    whole = {"star": 5, "price": 1_500_000, "wish": "hello"}
    text = '{"star": "5", "price": "15000.00", "wish": " hello "}'
    for kind in ("application/json", "text/plain", "application/octet-stream"):
        assert await loaded(client, data=text, headers={"Content-Type": kind}) == whole
    assert await loaded(client, data={"star": "5", "price": "15000", "wish": "hello"}) == whole
    called_a_form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert await loaded(client, data=b' {"star": 5}', headers=called_a_form) == {"star": 5}
    form = FormData(default_to_multipart=True)
    form.add_field("star", "5")
    form.add_field("picture", b"\xff\xd8", filename="a.jpg")
    assert await loaded(client, data=form) == {"star": 5}


@pytest.mark.parametrize("price", [15000, 15000.0, "15000", "15000.00", "15000,0", " 15000 "])
async def test_amounts_are_read_in_many_spellings(client: Client, price: object) -> None:
    assert (await loaded(client, json={"star": 1, "price": price}))["price"] == 1_500_000


@pytest.mark.parametrize(
    "text", ['{"star": 5', "{'star': 5}", "star=5", "\x00", "NaN", "[" * 10_000, b"\xff\xfe", r'{"a":"\ud800"}']
)
async def test_malformed_json_is_unreadable(client: Client, text: str | bytes) -> None:
    answer = await client.post("/7", data=text, headers={"Content-Type": "application/json"})
    assert (answer.status, await answer.json()) == (400, {"code": "unreadable"})


_PART = b'--x\r\nContent-Disposition: form-data; name="star"\r\n'


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("multipart/form-data", b"star=5"),
        ("multipart/form-data; boundary=" + "x" * 100, b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\nstar\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n5\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", _PART + b"Content-Transfer-Encoding: base64\r\n\r\n5\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", _PART + b"Content-Transfer-Encoding: none\r\n\r\n5\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", _PART + b"Content-Type: text/plain; charset=no\r\n\r\n5\r\n--x--\r\n"),
        ("application/x-www-form-urlencoded", b"star=\xff"),
        ("application/x-www-form-urlencoded; charset=unheard-of", b"star=5"),
        ("application/x-www-form-urlencoded; charset=rot13", b"star=5"),
        ("application/x-www-form-urlencoded; charset=punycode", b"star=5"),
        ("application/x-www-form-urlencoded; charset=utf-7", b"star=5"),
    ],
)
async def test_a_malformed_form_is_unreadable(client: Client, kind: str, text: bytes) -> None:
    answer = await client.post("/7", data=text, headers={"Content-Type": kind})
    assert (answer.status, await answer.json()) == (400, {"code": "unreadable"})


@pytest.mark.parametrize("charset", ["utf-8", "UTF_8", "windows-1251", "CP1251", "KOI8-R", "ibm866"])
async def test_a_form_is_read_in_the_charset_that_it_names(client: Client, charset: str) -> None:
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    data = "star=5&wish=ёлка".encode(charset)
    answer = await client.post("/7", data=data, headers={"Content-Type": kind})
    assert (await answer.json())["body"] == {"star": 5, "wish": "ёлка"}


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
async def test_a_body_with_a_wrong_content_encoding_is_unreadable(client: Client, packing: str) -> None:
    answer = await client.post("/7", data=b"\xff\xff\xff", headers={"Content-Encoding": packing})
    assert (answer.status, await answer.json()) == (400, {"code": "unreadable"})


@pytest.mark.parametrize("text", ["[]", "5", "null", '"star"', "true"])
async def test_json_that_is_not_an_object_is_an_error_without_a_field(client: Client, text: str) -> None:
    assert await refused(client, data=text) == {"": ["Invalid input type."]}


@pytest.mark.parametrize("star", [0, -1, 2**63, 1.0, 1.5, True, "x", "1.5", "1_0", "\u0663", "", [], {}, "1" * 5000])
async def test_invalid_ids_are_refused(client: Client, star: object) -> None:
    assert list(await refused(client, json={"star": star})) == ["star"]


@pytest.mark.parametrize(
    "price", ["", "ten", -1, "0.001", 0.001, True, [], {}, "1_0", "\u0663", "1e99", "NaN", "Infinity"]
)
async def test_invalid_amounts_are_refused(client: Client, price: object) -> None:
    assert list(await refused(client, json={"star": 1, "price": price})) == ["price"]


@pytest.mark.parametrize("wish", ["a", "a" * 11, "a\x00b", "a\x1bb", ["ab"], {"a": 1}, True])
async def test_invalid_texts_are_refused(client: Client, wish: object) -> None:
    assert list(await refused(client, json={"star": 1, "wish": wish})) == ["wish"]


async def test_a_list_is_not_measured_in_characters(client: Client) -> None:
    crowd = {"star": 1, "tags": ["a", "b", "c"]}
    assert await refused(client, json=crowd) == {"tags": ["No more than 2 items."]}
    assert await refused(client, language="ru", json=crowd) == {"tags": ["Не больше 2 штук."]}


async def test_all_errors_are_named_with_their_paths(client: Client) -> None:
    mistakes = {"tags": ["ok", "too long"], "options": [{"name": "x"}, {}], "wish": None}
    assert await refused(client, language="ru", json=mistakes) == {
        "star": ["Обязательное поле."],
        "wish": ["Это поле не может быть пустым."],
        "tags.1": ["Не длиннее 5 символов."],
        "options.1.name": ["Обязательное поле."],
    }


async def test_a_wrong_query_is_refused(client: Client) -> None:
    answer = await client.post("/7?page=0", json={"star": 1})
    assert answer.status == 422
    assert (await answer.json())["ru"] == {"page": ["От 1 до 100."]}


async def test_a_wrong_path_is_refused(client: Client) -> None:
    assert (await client.post("/x", json={"star": 1})).status == 422
