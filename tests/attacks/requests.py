"""Valid requests that are expensive."""

from __future__ import annotations

import orjson

from tests.attacks.attacker import Attacker
from tests.attacks.registry import attack


@attack("A6", "log-ins with one's own account", workers=40)
async def log_ins(attacker: Attacker) -> None:
    email, password = attacker.login
    body = orjson.dumps({"email": email, "password": password})
    await attacker.request("POST", "/auth/login/", body, Content_Type="application/json")


@attack("A7", "the millionth page of public lists", workers=8)
async def deep_pages(attacker: Attacker) -> None:
    for path in ("/api/star/getlist/", "/api/creators/", "/api/orders/orders/"):
        await attacker.request("GET", f"{path}?page=1000000")


@attack("A7", "the last page that is allowed", workers=8)
async def last_pages(attacker: Attacker) -> None:
    await attacker.request("GET", "/api/star/getlist/?page=11")


@attack("A7", "metrics", workers=8)
async def metrics(attacker: Attacker) -> None:
    await attacker.request("GET", "/metrics")
