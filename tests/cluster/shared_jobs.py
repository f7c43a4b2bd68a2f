"""Background jobs, which every service runs for itself: what is due is done once."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence

from tests.cluster.findings import Finding, ran_once
from tests.cluster.load import conversation
from tests.cluster.shared_site import Site
from tests.factory import Person
from tests.harness.client import Client
from tests.harness.scenarios import OrderFlow

#: By the names of their metrics.
_DEADLINES, _DIGESTS = "order deadlines", "notification digests"
#: Seconds for what is due to be done, and after it, for what would come twice.
_DONE_WITHIN, _AFTERWARDS = 60.0, 6.0


async def mails(site: Site) -> list[Finding]:
    """Those of the registrations so far: whichever service queued one, any of the three may send it."""
    people = [site.star.email, *(person.email for person in site.customers)]
    await asyncio.sleep(_AFTERWARDS)
    sent = [
        mail
        for mail in await site.cluster.sandbox.mails()
        if any("registration-confirm" in one for one in mail["links"])
    ]
    return [ran_once("mails of registrations", people, Counter(address for mail in sent for address in mail["to"]))]


async def deadlines(site: Site) -> list[Finding]:
    """Holds of orders that nobody answers, each placed at another service, all due at one moment."""
    flows = [await _held(site, number, customer) for number, customer in enumerate(site.customers)]
    orders = [flow.order_id for flow in flows]
    due = "update orders set deadline_at = now() - interval '1 second' where id = any(%(orders)s)"
    await asyncio.to_thread(site.rows, due, orders=orders)
    await _until_over(site, orders)
    await asyncio.sleep(_AFTERWARDS)
    events = await asyncio.to_thread(
        site.rows,
        """select order_id, count(*) from order_events
        where order_id = any(%(orders)s) and from_status <> to_status and actor_role = 'system' group by 1""",
        orders=orders,
    )
    journal = await site.cluster.sandbox.journal()
    given = Counter(
        int(line["metadata"]["order_id"])
        for line in journal
        if line["kind"] == "payment.canceled" and line["metadata"].get("order_id")
    )
    ledger = await asyncio.to_thread(
        site.rows,
        """select payments.order_id, count(*) from ledger_entries
        join payments on payments.id = ledger_entries.payment_id
        where payments.order_id = any(%(orders)s) and reason = 'release' and account = 'held' group by 1""",
        orders=orders,
    )
    idle = await _idle(site, _DEADLINES)
    return [
        ran_once("orders whose deadline has passed", orders, dict(events), idle),
        ran_once("their holds, released at the provider", orders, given),
        ran_once("their holds, released in the ledger", orders, dict(ledger)),
    ]


async def _held(site: Site, number: int, customer: Person) -> OrderFlow:
    name = f"due {number}"
    client = Client(site.urls[number % len(site.urls)], name, site.deployment.acknowledgements, random.Random(number))
    flow = OrderFlow(client, site.cluster.sandbox, random.Random(number))
    flow.customer, flow.star = customer, site.star
    async with client:
        await flow.place()
        await flow.pay()
        await flow.wait_for_money("held")
    return flow


async def _until_over(site: Site, orders: Sequence[int]) -> None:
    statement = """select count(*) from orders join payments on payments.order_id = orders.id
        where orders.id = any(%(orders)s) and orders.status = 'cancelled' and payments.status = 'released'"""
    end = time.monotonic() + _DONE_WITHIN
    while (await asyncio.to_thread(site.rows, statement, orders=list(orders)))[0][0] < len(orders):
        if time.monotonic() > end:
            return
        await asyncio.sleep(0.2)


async def digests(site: Site) -> list[Finding]:
    """The star writes to everybody, and nobody looks; every service looks for such notifications every few seconds."""
    for reader in site.customers:
        talk = await conversation(site.urls[0], site.star, reader)
        sent = await site.ask(
            site.turns()[0],
            "POST",
            f"/api/v1/conversations/{talk.id}/messages/",
            site.star.token,
            json={"message": "Спасибо!", "client_id": f"digest-{reader.id}"},
        )
        assert sent.status == 201, sent.body
    due = [reader.email for reader in site.customers]
    for address in due:
        await site.cluster.sandbox.wait_for_mail(address, site.star.username, timeout=_DONE_WITHIN)
    await asyncio.sleep(_AFTERWARDS)
    told = f"Вам пишет {site.star.username}."
    came = Counter(to for mail in await site.cluster.sandbox.mails() if told in mail["text"] for to in mail["to"])
    return [ran_once("digests of what nobody has seen", due, came, await _idle(site, _DIGESTS))]


async def _idle(site: Site, job: str) -> list[str]:
    """The services whose metrics do not say that they have run it."""
    idle = []
    for number in range(len(site.urls)):
        lines = (await site.ask(number, "GET", "/metrics")).body.decode().splitlines()
        told = [line for line in lines if line.startswith("mystar_task_last_success") and f'"{job}"' in line]
        if not told or float(told[0].rpartition(" ")[2]) <= 0:
            idle.append(f"service{number + 1}")
    return idle
