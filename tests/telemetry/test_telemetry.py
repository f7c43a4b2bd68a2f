"""Traces and reports of errors reach a collector and a Sentry, here small servers that speak their protocols."""

from __future__ import annotations

import ast
import gzip
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

import mystar
from mystar.app import create_app
from mystar.audit.keys import AUDIT
from mystar.kit.keys import DATABASE
from mystar.settings import Settings, SettingsWrong
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually

MakeSettings = Callable[..., Settings]


@dataclass
class Outside:
    """Keeps what is sent to it: spans, and the items of Sentry's envelopes."""

    spans: list[Span] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    authorized: set[str] = field(default_factory=set)
    request_ids: set[str] = field(default_factory=set)
    behind: str = ""

    async def traces(self, request: web.Request) -> web.Response:
        body = await request.read()
        sent = ExportTraceServiceRequest.FromString(body)
        self.authorized.add(request.headers.get("authorization", ""))
        self.spans += [span for of in sent.resource_spans for scope in of.scope_spans for span in scope.spans]
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")

    async def envelope(self, request: web.Request) -> web.Response:
        body = await request.read()
        lines = (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).splitlines()
        self.authorized.add(request.headers["X-Sentry-Auth"].partition("sentry_key=")[2].partition(",")[0])
        for head, item in zip(lines[1::2], lines[2::2], strict=True):
            if json.loads(head)["type"] == "event":
                self.events.append(json.loads(item))
        return web.json_response({"id": "0" * 32})

    async def provider(self, request: web.Request) -> web.Response:
        """Pass on to the sandbox's provider, and keep the ids of requests that come along."""
        self.request_ids.add(request.headers.get("X-Request-ID", ""))
        url, headers = f"{self.behind}/{request.match_info['path']}", dict(request.headers)
        async with (
            ClientSession() as session,
            session.request(request.method, url, data=await request.read(), headers=headers) as answer,
        ):
            return web.json_response(await answer.json(), status=answer.status)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
async def outside(sandbox_process: SandboxProcess) -> AsyncIterator[tuple[Outside, str]]:
    kept, app = Outside(behind=sandbox_process.yookassa), web.Application()
    app.add_routes([web.post("/v1/traces", kept.traces), web.post("/api/7/envelope/", kept.envelope)])
    app.router.add_route("*", "/v3/{path:.*}", kept.provider)
    async with TestServer(app, host="127.0.0.1") as server:
        yield kept, f"127.0.0.1:{server.port}"


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[web.Application, Api]]:
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app, host="127.0.0.1", port=settings.http.port)) as client:
        yield app, Api(client)


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


async def test_a_payment_is_one_trace_from_the_request_to_the_provider(
    make_settings: MakeSettings, outside: tuple[Outside, str]
) -> None:
    kept, address = outside
    settings = make_settings(
        TELEMETRY__OTLP_URL=f"http://{address}",
        TELEMETRY__OTLP_HEADERS="authorization=Bearer collector",
        HTTP__TRUSTED_PROXIES="127.0.0.1",
        PAYMENTS__YOOKASSA__URL=f"http://{address}/v3",
    )
    begun, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    async with serving(settings) as (app, api):
        factory = Factory(app)
        customer = await factory.person(channel="market")
        order = await factory.order(customer, await factory.star())
        headers = {"X-Request-ID": "req-of-the-payment", "traceparent": f"00-{begun}-{parent}-01"}
        link = (await (await api.post(f"/api/v1/orders/{order}/pay/", {}, as_=customer)).json())["link"]
        paid = await api.get(link, headers=headers)
        assert (paid.status, paid.headers["X-Request-ID"]) == (302, "req-of-the-payment")
        refused = await api.post("/api/auth/token/", {"username": customer.email, "password": "wrong-1"})
        (entry,) = [one for one in await app[AUDIT].tail(100) if one.event.action == "sign_in_refused"]
        assert entry.request_id == refused.headers["X-Request-ID"]
        cause = await app[DATABASE].value("select cause from outbox where topic = 'payments'")
        assert cause["request_id"] == "req-of-the-payment"
        assert cause["traceparent"].startswith(f"00-{begun}-")
    # Everything was sent when the service stopped.
    assert kept.authorized == {"Bearer collector"}
    (request,) = [one for one in kept.spans if attributes(one).get("mystar.request_id") == "req-of-the-payment"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (begun, parent)
    assert attributes(request)["http.response.status_code"] == 302
    (sent,) = [one for one in kept.named("outbox payments") if one.trace_id == request.trace_id]
    (called,) = [one for one in kept.named("payment_provider create") if one.trace_id == request.trace_id]
    assert called.parent_span_id == sent.span_id
    statements = [one for one in kept.spans if "db.system.name" in attributes(one)]
    ours = {one.name for one in statements if one.trace_id == request.trace_id}
    assert {"payments_lock_payment", "kit_outbox_insert_message", "commit"} <= ours
    assert not [one for one in kept.spans if customer.email in str(one) or customer.token in str(one)]
    # The provider's support finds the call under the same id.
    assert "req-of-the-payment" in kept.request_ids


async def test_errors_are_reported_without_what_people_have_given(
    make_settings: MakeSettings, outside: tuple[Outside, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, address = outside

    async def failing(*_: object, **__: object) -> None:
        secret_local = "anna@example.com"
        raise RuntimeError(f"Key (email)=({secret_local}) already exists")

    settings = make_settings(TELEMETRY__SENTRY_DSN=f"http://public@{address}/7")
    async with serving(settings) as (app, api):
        anna = await Factory(app).person(channel="market")
        monkeypatch.setattr("mystar.kit.postgres.database.Database.one", failing)
        monkeypatch.setattr("mystar.kit.postgres.database.Database.all", failing)
        body = {"username": "anna@example.com", "password": "Secret-Password-1"}
        failed = await api.post("/api/auth/token/", body, as_=anna, headers={"X-Request-ID": "req-that-failed"})
        assert failed.status == 500
        monkeypatch.undo()
        logging.getLogger("mystar.test").error("mail to %s failed: token=%s", "anna@example.com", "abc")
        await eventually(lambda: _done(len(kept.events) >= 2))
    assert kept.authorized == {"public"}
    by_request = {one["tags"].get("request_id"): one for one in kept.events}
    error = by_request["req-that-failed"]["exception"]["values"][-1]
    assert error["type"] == "RuntimeError"
    assert error["stacktrace"]["frames"][-1]["function"] == "failing"
    assert any("mail to %s failed" in one["logentry"]["message"] for one in kept.events)
    everything = json.dumps(kept.events)
    for hidden in ("anna@example.com", "Secret-Password-1", anna.token, "127.0.0.1", '"vars"', "context_line"):
        assert hidden not in everything
    assert not {"user", "request", "server_name", "breadcrumbs", "extra", "contexts"} & set().union(*kept.events)


async def _done(is_so: bool) -> bool:
    return is_so


def test_without_the_settings_nothing_of_it_is_imported() -> None:
    for file in Path(mystar.__file__).parent.rglob("*.py"):
        if file.parent.name != "telemetry":
            assert not [one for one in _imported_at_once(file) if one.startswith(OUTSIDE)], file


OUTSIDE = ("opentelemetry", "sentry_sdk", "mystar.kit.telemetry")


def _imported_at_once(file: Path) -> Iterator[str]:
    """By the module itself, not by one of its functions when it is called."""
    waiting: list[ast.AST] = [ast.parse(file.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)


def test_a_setting_without_its_package_is_refused_by_name(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mystar.settings.find_spec", lambda _: None)
    with pytest.raises(SettingsWrong, match=r"MYSTAR_TELEMETRY__OTLP_URL: needs: pip install 'mystar\[tracing\]'"):
        make_settings(TELEMETRY__OTLP_URL="http://127.0.0.1:4318", DATA_DIR="/tmp")
