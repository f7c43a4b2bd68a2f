"""What three services know together: limits, keys, kept answers and messages."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import orjson

from tests.cluster.findings import Finding, counted_together, in_time, never_stale, one_effect
from tests.cluster.load import conversation
from tests.cluster.shared_site import Site
from tests.factory import Person
from tests.realtime.listener import Listener

#: Messages of an account in an hour, and how many are tried.
ALLOWED, _TRIES = 60, 90
_KEYS, _WRITES, _MESSAGES = 20, 40, 50
#: Seconds in which a message is written, told and read.
_COMES = 1.0


async def limits(site: Site) -> list[Finding]:
    sender = site.customers[0]
    talk = await conversation(site.urls[0], sender, site.customers[1])
    path = f"/api/v1/conversations/{talk.id}/messages/"
    sent = [
        site.ask(number % len(site.urls), "POST", path, sender.token, json={"message": "Ау", "client_id": f"{number}"})
        for number in range(_TRIES)
    ]
    return [counted_together(await asyncio.gather(*sent), ALLOWED)]


async def keys(site: Site) -> list[Finding]:
    """And each order is on the buyer's own list, which every service keeps, as soon as one has acknowledged it."""
    buyer, rounds, names, stale, reads = site.customers[1], [], [], [], 0
    for number in range(_KEYS):
        # So that each has a page to keep.
        await asyncio.gather(*(_newest(site, service, buyer) for service in range(len(site.urls))))
        names.append(f"key {number} {uuid.UUID(int=site.chance.getrandbits(128))}")
        draft = {"service_id": site.service, "requirements": names[-1]}
        headers = {"Idempotency-Key": names[-1].replace(" ", "-")}
        asked = [
            site.ask(service, "POST", "/api/v1/orders/", buyer.token, json=draft, headers=headers)
            for service in site.turns()
        ]
        rounds.append(await asyncio.gather(*asked))
        placed = next((orjson.loads(one.body)["id"] for one in rounds[-1] if one.status == 201), None)
        for service in range(len(site.urls)):
            reads += 1
            if (found := await _newest(site, service, buyer)) != placed:
                stale.append(f"service{service + 1} lists {found} and not {placed}")
    counted = await asyncio.to_thread(site.rows, "select wish, count(*) from orders group by 1")
    made = dict(counted)
    return [
        one_effect(rounds, [made.get(name, 0) for name in names]),
        never_stale("one's own list, kept by each", reads, _KEYS, stale),
    ]


async def _newest(site: Site, service: int, buyer: Person) -> Any:
    answer = await site.ask(service, "GET", "/api/v1/orders/?page_size=1", buyer.token)
    assert answer.status == 200, answer.body
    return next((one["id"] for one in orjson.loads(answer.body)["results"]), None)


async def kept_answers(site: Site) -> list[Finding]:
    """A page, the list that has it, and the page by its ETag, at the two that did not write."""
    page, stale, reads = f"/api/v1/services/{site.service}/", [], 0
    for number in range(_WRITES):
        writer, *others = site.turns()
        tags = await asyncio.gather(*(_tag(site, service, page) for service in others))
        title = f"Ролик {number}"
        wrote = await site.ask(writer, "PATCH", page, site.star.token, json={"title": title})
        assert wrote.status == 200, wrote.body
        for service, tag in zip(others, tags, strict=True):
            shown, listed, asked = await asyncio.gather(
                site.ask(service, "GET", page),
                site.ask(service, "GET", "/api/v1/services/"),
                site.ask(service, "GET", page, headers={"If-None-Match": tag}),
            )
            reads += 3
            seen = {one["id"]: one["title"] for one in orjson.loads(listed.body)["results"]}
            if orjson.loads(shown.body)["title"] != title:
                stale.append(f"service{service + 1} showed an older title than {title}")
            if seen.get(site.service) != title:
                stale.append(f"service{service + 1} listed {seen.get(site.service)} and not {title}")
            if asked.status != 200:
                stale.append(f"service{service + 1} answered {asked.status} to the ETag of what {title} replaced")
    return [never_stale("pages and lists of guests, and ETags", reads, _WRITES, stale)]


async def _tag(site: Site, service: int, path: str) -> str:
    async with site.session.get(site.urls[service] + path) as answer:
        # The list is kept from now on, too.
        await site.ask(service, "GET", "/api/v1/services/")
        return answer.headers["ETag"]


async def messages(site: Site) -> list[Finding]:
    """Sent by a request to one service, heard at the two others by the recipient and by the sender's other device."""
    talk = await conversation(site.urls[0], *site.customers[2:4])
    path, took, wrong = f"/ws/conversations/{talk.id}/", [], []
    async with (
        site.listening(1, path, talk.tokens[1]) as recipient,
        site.listening(2, path, talk.tokens[0]) as device,
    ):
        for number in range(_MESSAGES):
            draft = {"message": f"Сообщение {number}", "client_id": f"shared-{number}"}
            began = time.monotonic()
            hearing = [asyncio.create_task(_hears(one, draft["client_id"])) for one in (recipient, device)]
            sent = await site.ask(0, "POST", f"/api/v1/conversations/{talk.id}/messages/", talk.tokens[0], json=draft)
            assert sent.status == 201, sent.body
            for task in hearing:
                moment, others = await task
                took.append(moment - began)
                wrong += [f"heard {one} before {draft['client_id']}" for one in others]
    found = in_time("a message at the sockets of the others", took, _COMES)
    return [Finding(found.what, found.figure, wrong, found.late)]


async def _hears(listener: Listener, client_id: str) -> tuple[float, list[str]]:
    """When it came, and which other messages came before it."""
    others: list[str] = []
    while True:
        frame = await listener.hear()
        if "number" not in frame:
            continue
        if frame["client_id"] == client_id:
            return time.monotonic(), others
        others.append(str(frame["client_id"]))
