"""clients/typescript: what is generated compiles under strict rules, and does what the pages of a shop do.

One test, since the client is generated and compiled for it, which takes as long as a hundred ordinary tests.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.chat.chat_client import opened
from tests.clients.pictures import png
from tests.conftest import Api
from tests.factory import Factory

Play = Callable[..., Awaitable[Any]]


async def test_the_typescript_client_generated_from_the_documents_buys_and_chats(
    play: Play, documents: Path, api: Api, factory: Factory
) -> None:
    errors = await play("lint.mjs", str(documents / "openapi.json"))
    # The seeds' addresses end with a slash.
    assert not {rule: found[:5] for rule, found in errors.items() if rule != "no-path-trailing-slash"}
    await _it_logs_in_lists_uploads_orders_and_pays(play, api, factory)
    await _its_sockets_resume_by_themselves(play, api, factory)
    await _it_outlives_an_outage_and_no_log_out(play)


async def _it_logs_in_lists_uploads_orders_and_pays(play: Play, api: Api, factory: Factory) -> None:
    buyer, _ = await factory.person(), await factory.star()
    told = await play("dist/buy.js", api.url, buyer.email, buyer.password, base64.b64encode(png()).decode())
    order = await (await api.get(f"/api/v1/orders/{told['order']}/", as_=buyer)).json()
    assert (told["refused"], told["file"], told["signedIn"]) == ("login_refused", "image/png", False)
    assert order["total_price"] == told["total"]
    assert told["link"].startswith("http")
    assert told["wrong"]


async def _its_sockets_resume_by_themselves(play: Play, api: Api, factory: Factory) -> None:
    anna, boris = await factory.person(), await factory.person()
    conversation = await opened(api, anna, boris)
    login = await api.post("/api/auth/token/", {"username": anna.email, "password": anna.password})
    refresh = (await login.json())["refresh"]
    told = await play("dist/talk.js", api.url, "an.expired.token", refresh, str(conversation))
    assert told == {"heard": ["before the cut", "after the cut"], "unconfirmed": 0, "renewed": True}
    messages = await (await api.get(f"/api/v1/conversations/{conversation}/messages/", as_=boris)).json()
    assert messages["count"] == 2


async def _it_outlives_an_outage_and_no_log_out(play: Play) -> None:
    told = await play("dist/outage.js")
    assert told == {
        "stayed": True,
        "early": 0,
        "order": ["first", "second", "third"],
        "revived": False,
        "told": True,
        "ended": True,
    }
