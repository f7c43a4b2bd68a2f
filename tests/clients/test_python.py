"""The client that openapi-python-client makes of the document imports as a whole and does what a shop does."""

from __future__ import annotations

import asyncio
import importlib
import io
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.pictures import png
from tests.conftest import Api
from tests.factory import Factory


@pytest.fixture
def client(documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The generated package."""
    generator = Path(sys.executable).parent / "openapi-python-client"
    config = tmp_path / "config.yaml"
    config.write_text("post_hooks: []\n")
    target = tmp_path / "shop_client"
    arguments = ["--path", documents / "openapi.json", "--meta", "none", "--output-path", target, "--config", config]
    made = subprocess.run(
        [generator, "generate", *arguments, "--fail-on-warning"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("shop_client")
    for name in [name for name in sys.modules if name.split(".")[0] == "shop_client"]:
        del sys.modules[name]


async def test_the_python_client_logs_in_lists_uploads_orders_and_pays(client: Any, api: Api, factory: Factory) -> None:
    modules = [module.name for module in pkgutil.walk_packages(client.__path__, "shop_client.")]
    for name in modules:
        importlib.import_module(name)

    buyer, _ = await factory.person(), await factory.star()
    told = await asyncio.to_thread(_buy, client, api.url, buyer.email, buyer.password)
    order = await (await api.get(f"/api/v1/orders/{told['order']}/", as_=buyer)).json()
    assert order["total_price"] == told["total"]
    assert told["link"].startswith("http")
    assert told["file"] == "image/png"


def _buy(client: Any, url: str, login: str, password: str) -> dict[str, Any]:
    """What a shop does, with nothing but the generated functions and models."""
    models = client.models
    with client.Client(base_url=url) as guest:
        tokens = _call("market_people.market_token_post", client=guest, body=models.TokenDraft(login, password))
    with client.AuthenticatedClient(base_url=url, token=tokens.access) as shop:
        kind = models.MarketServicesGetKind.ALL
        services = _call("market_services.market_services_get", client=shop, kind=kind)
        picture = importlib.import_module("shop_client.types").File(io.BytesIO(png()), "card.png", "image/png")
        file = _call("market_files.market_file_upload_post", client=shop, body=models.FileForm(picture))
        draft = models.ServiceOrderDraft(service_id=services.results[0].id, requirements="For Kira")
        order = _call("market_orders.market_orders_post", client=shop, body=draft)
        link = _call("market_orders.market_order_pay_post", order_id=order.id, client=shop)
    return {"order": order.id, "total": order.total_price, "link": link.link, "file": file.content_type}


def _call(operation: str, **given: Any) -> Any:
    return importlib.import_module(f"shop_client.api.{operation}").sync(**given)
