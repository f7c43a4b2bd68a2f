"""Health, metrics, documents, and the manners of every address."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from mystar.app import create_app
from mystar.catalog.keys import CATALOG
from mystar.contracts.base import CONTRACTS
from mystar.contracts.openapi import undocumented
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory
from tests.subtests import as_subtests

_BLOCK = "/admin/accounts/{id}/block/"


async def test_the_process_reports_health_and_readiness(api: Api) -> None:
    for path in ("/healthz", "/readyz", "/readyz/"):
        answer = await api.get(path)
        assert answer.status == 200
        assert (await answer.json())["status"] == "ok"


async def test_a_process_without_free_descriptors_is_unavailable(
    api: Api, app: web.Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise O6: it is no defect of the request, and it passes."""

    async def refuse() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(app[CATALOG], "categories", refuse)
    answer = await api.get("/api/v1/categories/")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    (record,) = [one for one in caplog.records if "ulimit -n" in one.getMessage()]
    assert record.exc_info is None


async def test_metrics_count_requests_by_route(api: Api) -> None:
    await api.get("/healthz")
    await api.get("/no/such/page/1")
    text = await (await api.get("/metrics")).text()
    assert 'mystar_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in text
    assert 'route="unmatched",status="404"' in text
    assert "/no/such/page" not in text


async def test_metrics_are_served_to_allowed_networks_only(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(HTTP__METRICS_FROM="10.0.0.0/8", HTTP__TRUSTED_PROXIES="127.0.0.1")
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app)) as client:
        for address, status in (("127.0.0.1", 404), ("203.0.113.9", 404), ("10.1.2.3", 200)):
            answer = await client.get("/metrics", headers={"X-Forwarded-For": address})
            assert answer.status == status


async def test_metrics_are_cached_for_some_seconds(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(HTTP__METRICS_SECONDS=3600)
    app = await create_app(settings, settings.database.url)
    async with TestClient(ApiTestServer(app)) as client:
        first = await (await client.get("/metrics")).text()
        await client.get("/healthz")
        assert await (await client.get("/metrics")).text() == first


@as_subtests
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/services/?page=1000000",
        "/api/v1/services/?page=102&page_size=100",
        "/api/creators/?page=1000000",
        "/api/skills/?page=1000000",
        "/api/star/getlist/?page=12",
        "/api/orders/orders/?page=1000000",
        "/api/tags/?page=1000000",
    ],
)
async def test_a_page_far_from_the_beginning_of_a_public_list_is_refused(api: Api, path: str) -> None:
    answer = await api.get(path)
    assert answer.status == 404
    assert "too far" in await (await api.get(path, language="en")).text()


async def test_lists_of_an_account_have_no_last_page(api: Api, factory: Factory) -> None:
    anna = await factory.person("anna", channel="market")
    answer = await api.get("/api/v1/notifications/?page=1000000", as_=anna)
    assert (answer.status, (await answer.json())["code"]) == (404, "not_found")
    answer = await api.get("/private/chat-list/?page=1000000", as_=anna)
    assert (answer.status, await answer.json()) == (200, [])


async def test_the_document_is_valid_openapi_and_describes_every_route(api: Api) -> None:
    document = await (await api.get("/api/docs/openapi.json")).json()
    # Imported here, since it builds a grammar, for which every collection of the tests would wait.
    from openapi_spec_validator import OpenAPIV31SpecValidator

    # Examples are held against their schemas in tests/contracts/test_openapi_complete.py; here they cost ten seconds.
    for content in _contents(document):
        content.pop("example", None)
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1")


def _contents(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The media types of all bodies and answers."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
                yield from holder.get("content", {}).values()


async def test_the_document_requires_a_body_only_where_a_field_is_required(api: Api) -> None:
    paths = (await (await api.get("/api/docs/openapi.json")).json())["paths"]
    assert paths["/api/auth/register/"]["post"]["requestBody"]["required"] is True
    assert paths["/api/creator-skills/bulk_update/"]["post"]["requestBody"]["required"] is True
    assert paths["/api/v1/users/me/"]["patch"]["requestBody"]["required"] is False


async def test_the_document_names_errors_that_may_be_html(api: Api) -> None:
    document = await (await api.get("/api/docs/openapi.json")).json()
    refusals = {}
    for path in (_BLOCK, "/api/auth/register/"):
        shared = document["paths"][path]["post"]["responses"]["default"]["$ref"].rpartition("/")[2]
        refusals[path] = document["components"]["responses"][shared]["content"]
    assert set(refusals[_BLOCK]) == {"application/json", "text/html"}
    assert set(refusals["/api/auth/register/"]) == {"application/json"}
    assert (await api.post("/admin/accounts/1/block/")).content_type == "text/html"


async def test_every_route_has_a_summary(api: Api, app: web.Application) -> None:
    assert undocumented(app[CONTRACTS]) == []


@pytest.mark.parametrize(("language", "words"), [("ru", "Панель сотрудников"), ("en", "The panel for staff")])
async def test_the_home_page_links_to_the_others(api: Api, language: str, words: str) -> None:
    page = await api.get("/", language=language)
    text = await page.text()
    assert page.status == 200
    assert words in text
    for path in ("/swagger/", "/api/docs/openapi.json", "/admin/", "/readyz"):
        assert f'href="{path}"' in text
        assert (await api.get(path)).status in {200, 303}
    assert "/payments/" not in text, "the sandbox belongs to development"


async def test_the_swagger_page_serves_its_scripts(api: Api) -> None:
    page = await api.get("/swagger/")
    assert page.status == 200
    assert page.charset == "utf-8"
    for part in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
        assert (await api.get(f"/swagger/{part}")).status == 200
    assert (await api.get("/swagger/swagger-editor.js")).status == 404


@as_subtests
@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/nowhere", {"error", "detail", "code"}),
        ("/api/v1/nowhere", {"error", "detail", "code"}),
        ("/users/nowhere", {"detail", "message", "code"}),
        ("/vk/nowhere", {"detail", "message", "code"}),
        ("/api/orders/orders/nowhere", {"detail"}),
    ],
)
async def test_an_unknown_address_is_refused_in_the_shape_of_its_dialect(api: Api, path: str, shape: set) -> None:
    answer = await api.get(path)
    assert answer.status == 404
    body = await answer.json()
    assert set(body) == shape
    assert body["detail"] == "Страница не найдена."
    assert answer.headers["X-Request-ID"]
    english = await (await api.get(path, language="en")).json()
    assert english["detail"] == "Not found."


async def test_greetings_answer_errors_as_an_array_of_one(api: Api) -> None:
    answer = await api.get("/api/star/nowhere/")
    assert answer.status == 404
    assert await answer.json() == ["Страница не найдена."]


async def test_a_wrong_method_names_the_allowed_ones(api: Api) -> None:
    answer = await api.post("/healthz")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert (await answer.json())["code"] == "method_not_allowed"


async def test_another_origin_may_send_a_token(api: Api) -> None:
    answer = await api.request(
        "OPTIONS",
        "/healthz",
        headers={
            "Origin": "http://site.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "Authorization, Content-Type",
        },
    )
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "http://site.example"
    assert "AUTHORIZATION" in answer.headers["Access-Control-Allow-Headers"].upper()


async def test_a_request_id_of_the_client_is_kept_if_it_is_valid(api: Api) -> None:
    kept = await api.get("/healthz", headers={"X-Request-ID": "deploy-42.check"})
    assert kept.headers["X-Request-ID"] == "deploy-42.check"
    for strange in ("<script>", "запрос-42"):
        replaced = await api.get("/healthz", headers={"X-Request-ID": strange})
        assert re.fullmatch("[0-9a-f]{16}", replaced.headers["X-Request-ID"])
