"""Promises T1 and T2 over several processes behind a proxy: talk, kill, cut, and see that nothing is missing."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from mystar.chat.keys import CHAT
from tests.factory import Factory, actor
from tests.realtime.crowd import Device, Talk, check, talk_all
from tests.realtime.load_balancer import LoadBalancer
from tests.realtime.servers import Servers


@dataclass(frozen=True)
class Plan:
    """``messages`` in each of ``talks``, ``devices`` of each of the two people, and moments of death by ``seed``."""

    seed: int
    talks: int
    messages: int
    devices: int
    kills: int
    cuts: int
    servers: int = 3
    #: Seconds between two accidents.
    pause: float = 0.3


@dataclass
class Report:
    seconds: float
    connections: int

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.connections} connections, nothing lost, doubled or out of order"


async def prepared(app: web.Application, talks: int) -> list[Talk]:
    """As many conversations, each of two people of its own."""
    factory, made = Factory(app), []
    for _ in range(talks):
        one, other = await factory.person(channel="market"), await factory.person(channel="market")
        conversation, _ = await app[CHAT].open(actor(one), other.id)
        made.append(Talk(conversation.id, (one.token, other.token)))
    return made


async def run(plan: Plan, talks: list[Talk], environment: Mapping[str, str], log: Path) -> Report:
    """AssertionError says what is missing."""
    dice, began = random.Random(plan.seed), time.monotonic()
    async with (
        Servers(environment, log, servers=plan.servers) as servers,
        behind(servers) as (proxy, url),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        devices = {
            talk.id: [Device(session, url, talk, token) for token in talk.tokens for _ in range(plan.devices)]
            for talk in talks
        }
        everybody = [device for some in devices.values() for device in some]
        accidents = asyncio.create_task(_accidents(plan, servers, proxy, dice))
        try:
            await talk_all(talks, devices, messages=plan.messages, dice=dice)
            await accidents
            await check(talks, devices, messages=plan.messages)
        finally:
            accidents.cancel()
            await asyncio.gather(*(device.close() for device in everybody))
    return Report(time.monotonic() - began, sum(device.connections for device in everybody))


async def _accidents(plan: Plan, servers: Servers, proxy: LoadBalancer, dice: random.Random) -> None:
    """Kills and cuts in turns; at least one server is left alone at any time."""
    cuts = plan.cuts // max(1, plan.kills)
    for number in range(plan.kills):
        await asyncio.sleep(dice.uniform(0.5, 1.5) * plan.pause)
        port = servers.ports[number % len(servers.ports)]
        await servers.wait_until_serving(port)
        servers.kill(port)
        servers.start(port)
        await asyncio.sleep(dice.uniform(0, plan.pause))
        proxy.cut(cuts, dice)


@contextlib.asynccontextmanager
async def behind(servers: Servers) -> AsyncIterator[tuple[LoadBalancer, str]]:
    """A proxy in front of all its servers, and its address."""
    proxy = LoadBalancer(servers.ports)
    url = await proxy.start()
    try:
        yield proxy, url
    finally:
        await proxy.stop()
