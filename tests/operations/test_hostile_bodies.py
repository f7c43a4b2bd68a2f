"""Bodies that cost more than they are worth: long lists, deep ones, text around forms, slow senders."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession
from marshmallow import Schema, fields

from mystar.app import contracts
from mystar.kit.web import multipart
from mystar.kit.web.fields import BoundedList
from tests.conftest import Api
from tests.factory import Factory
from tests.operations.test_hostile_clients import connect, request

BOUNDARY = "xyzzy"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
PART_HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\n'
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
#: Forms that guests may send, small ones and with files.
FORM_ADDRESSES = ("/api/login/", "/api/auth/token/", "/admin/sign-in/", "/api/orders/orders/")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def inner_fields(schema: Schema) -> Iterator[tuple[str, fields.Field[Any]]]:
    """All fields of a schema that is loaded, with those inside of lists and nested schemas."""
    for name, field in schema.fields.items():
        found: fields.Field[Any] | None = field
        while found is not None:
            yield f"{type(schema).__name__}.{name}", found
            if isinstance(found, fields.Nested):
                yield from inner_fields(found.schema)
            found = found.inner if isinstance(found, fields.List) else None


def test_every_list_that_clients_send_is_bounded() -> None:
    for contract in contracts():
        for route in contract.routes:
            for declared in getattr(route.handler, "__schemas__", ()):
                if declared["location"] == "files":
                    continue
                for name, field in inner_fields(declared["schema"]):
                    assert not isinstance(field, fields.List) or isinstance(field, BoundedList), name
                    assert not getattr(field, "many", False), name


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/services/", {"options": [{}] * 40_000}),
        ("/api/v1/services/", {"tags": [0] * 40_000}),
        ("/api/v1/orders/", {"service_id": 1, "selected_option_ids": [{}] * 30_000}),
        ("/api/v1/orders/1/deliver/", {"file_ids": ["x"] * 20_000}),
        ("/api/star/create/", {"tags": [0] * 40_000}),
        ("/api/creator-skills/bulk_update/", [{}] * 30_000),
    ],
)
async def test_a_list_that_is_too_long_is_refused_before_its_items_are_loaded(
    api: Api, factory: Factory, path: str, body: Any
) -> None:
    answer = await api.post(path, body, as_=await factory.person())
    assert answer.status in (400, 403, 404, 409, 422)
    assert len(await answer.read()) < 1500


async def test_at_most_twenty_wrong_items_of_a_list_are_reported(api: Api, factory: Factory) -> None:
    body = {"title": "x", "options": [{}] * 50}
    answer = await api.post("/api/v1/services/", body, as_=await factory.star())
    assert answer.status == 422
    errors = (await answer.json())["errors"]
    items = {name.split(".")[1] for name in errors if name.startswith("options.")}
    assert len(items) == 20
    assert sum(map(len, errors.values())) <= 100


async def test_a_body_above_the_limit_is_too_large(api: Api) -> None:
    body = orjson.dumps({"username": "a" * 131_072})
    headers = {"Content-Type": "application/json"}
    assert (await api.post("/api/auth/token/", data=body, headers=headers)).status == 413

    async def chunked() -> Any:
        for _ in range(40):
            yield b" " * 4096

    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        answer = await api.post("/api/auth/token/", data=chunked(), headers={"Content-Type": content_type})
        assert answer.status == 413


async def test_a_body_of_very_many_objects_is_unreadable(api: Api, factory: Factory) -> None:
    body = b'{"options": [' + b"{}," * 10_000 + b"{}]}"
    headers = {"Content-Type": "application/json"}
    answer = await api.post("/api/v1/services/", data=body, headers=headers, as_=await factory.star())
    assert (answer.status, (await answer.json())["code"]) == (400, "unreadable")
    body = b'{"options": [' + b"{}," * 5_000 + b"{}]}"
    answer = await api.post("/api/v1/services/", data=body, headers=headers, as_=await factory.star())
    assert (answer.status, (await answer.json())["code"]) == (422, "invalid")


@pytest.mark.parametrize("path", ["/api/auth/token/", "/payments/notifications/"])
async def test_deeply_nested_json_is_unreadable(api: Api, path: str) -> None:
    for depth in (33, 1010, 5000):
        nested = b'{"object": ' + b"[" * depth + b"]" * depth + b"}"
        answer = await api.post(path, data=nested, headers={"Content-Type": "application/json"})
        assert answer.status in (400, 404), await answer.text()


@pytest.mark.parametrize("path", FORM_ADDRESSES)
async def test_text_around_the_boundaries_of_a_form_is_refused(api: Api, path: str) -> None:
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="username"\r\n\r\nanna\r\n'.encode()
    end = f"--{BOUNDARY}--\r\n".encode()
    origin = {"Origin": api.url}
    plain = await api.post(path, data=part + end, headers={**FORM, **origin})
    for hostile in (b"x\r\n" * 100_000 + part + end, part + end + b"x\r\n" * 100_000, b"no boundary\r\n"):
        answer = await api.post(path, data=hostile, headers={**FORM, **origin})
        assert answer.status == 400, await answer.text()
    for harmless in (b"\r\n" + part + end, part + end + b"\r\n\r\n"):
        assert (await api.post(path, data=harmless, headers={**FORM, **origin})).status == plain.status


async def test_a_byte_order_mark_before_json_is_ignored(api: Api, factory: Factory) -> None:
    anna = await factory.person("anna", channel="market")
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        body = BYTE_ORDER_MARK + b'{"bio": "x"}'
        headers = {"Content-Type": content_type}
        answer = await api.patch("/api/v1/users/me/", as_=anna, data=body, headers=headers)
        assert (answer.status, (await answer.json())["bio"]) == (200, "x")
    async with (
        ClientSession() as session,
        session.ws_connect(f"{api.url}/ws/notifications/", headers={"Authorization": f"Bearer {anna.token}"}) as socket,
    ):
        await socket.send_str('\ufeff{"message": "x"}')
        # Refused as an object, not as something that is no JSON.
        assert (await socket.receive_json())["code"] == "nobody_listens"


#: Paths, types and beginnings of bodies. A form without files has no more time than JSON.
SLOW = {
    "json": ("/api/auth/token/", "application/json", "{"),
    "small form": ("/api/auth/token/", FORM_TYPE, PART_HEAD),
    "urlencoded": ("/password_reset/confirm/", "application/x-www-form-urlencoded", "a="),
    "form with files": ("/api/orders/orders/", FORM_TYPE, PART_HEAD),
    "head of a part": ("/api/orders/orders/", FORM_TYPE, PART_HEAD[:-4]),
}


@pytest.mark.parametrize("case", SLOW)
async def test_a_body_that_arrives_too_slowly_is_unreadable(
    api: Api, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    path, content_type, begun = SLOW[case]
    monkeypatch.setattr(multipart, "_BODY_GRACE", 0.3)
    monkeypatch.setattr(multipart, "_UPLOAD_GRACE", 0.3 if path == "/api/orders/orders/" else 60.0)
    monkeypatch.setattr(multipart, "_LOOK_EVERY", 0.1)
    reader, writer = await connect(api)
    lines = (f"Content-Type: {content_type}", "Content-Length: 10000")
    writer.write(request(path, *lines, method="POST", body=begun.encode()))
    line = asyncio.create_task(reader.readline())
    while not line.done():
        writer.write(b" ")
        await asyncio.sleep(0.05)
    assert b" 400 " in line.result()
    writer.close()


async def test_a_form_of_thousands_of_parts_is_refused_before_they_are_read(api: Api) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await api.post("/password_reset/confirm/", data=part * 12_000 + b"--b--\r\n", headers=headers)
    assert answer.status == 400, await answer.text()
    few = await api.post("/password_reset/confirm/", data=part * 20 + b"--b--\r\n", headers=headers)
    assert few.status < 500


@pytest.mark.parametrize("path", FORM_ADDRESSES)
async def test_a_form_in_a_charset_that_no_client_uses_is_refused(api: Api, path: str) -> None:
    """Python decodes a megabyte of "punycode" in minutes, without giving way to any other request."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="login"\r\n'
    for body, kind in (
        (f"{part}Content-Type: text/plain; charset=punycode\r\n\r\na\r\n--{BOUNDARY}--\r\n", FORM_TYPE),
        ("login=a", "application/x-www-form-urlencoded; charset=punycode"),
    ):
        answer = await api.post(path, data=body.encode(), headers={"Content-Type": kind})
        assert answer.status == 400, (kind, await answer.text())
