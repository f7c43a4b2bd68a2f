"""Metrics answer the questions of a marketplace: money, people, jobs, and how long everything waits."""

from __future__ import annotations

from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from mystar.kit.keys import DATABASE
from tests.conftest import Api
from tests.factory import Factory
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually

_CLEARANCE = {"task": "clearance"}


class Figures:
    """What /metrics answers now."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def of(self, name: str, **labels: str) -> float | None:
        answer = await self._api.get("/metrics")
        assert answer.status == 200
        samples = [one for family in text_string_to_metric_families(await answer.text()) for one in family.samples]
        return next((one.value for one in samples if (one.name, one.labels) == (name, labels)), None)


async def test_orders_and_money_are_counted_by_state(
    app: web.Application, api: Api, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    figures = Figures(api)
    customer, star = await factory.person(), await factory.star(invitation_price=1_500_000)
    orders = [await factory.order(customer, star) for _ in range(2)]
    assert await figures.of("mystar_orders_open", status="pending") == 2
    assert await figures.of("mystar_orders_open", status="disputed") == 0
    await factory.hold(orders[0], sandbox_process)
    held = {"status": "held", "hours_left": "more"}
    assert await figures.of("mystar_payments_open", **held) == 1
    assert await figures.of("mystar_payments_open_kopecks", **held) == 1_500_000
    await app[DATABASE].execute("update payments set expires_at = now() + interval '5 hours'")
    assert await figures.of("mystar_payments_open", **held) is None
    assert await figures.of("mystar_payments_open", status="held", hours_left="6") == 1
    assert await figures.of("mystar_payouts_open", status="requested") == 0


async def test_sign_ups_sessions_and_refused_passwords_are_counted(api: Api, factory: Factory) -> None:
    figures = Figures(api)
    anna = await factory.person(channel="market")
    assert await figures.of("mystar_registrations_total") == 1
    opened = await figures.of("mystar_sessions_opened_total", channel="market")
    body = {"username": anna.username, "password": "wrong-Password-1"}
    assert (await api.post("/api/auth/token/", json=body)).status == 401
    assert await figures.of("mystar_password_attempts_total", outcome="refused") == 1
    assert (await api.post("/api/auth/token/", json={**body, "password": anna.password})).status == 200
    assert await figures.of("mystar_sessions_opened_total", channel="market") == (opened or 0) + 1


async def test_jobs_the_event_loop_and_the_pool_are_measured(api: Api) -> None:
    figures = Figures(api)

    async def has_run() -> float | None:
        return await figures.of("mystar_task_last_success_timestamp_seconds", **_CLEARANCE)

    assert await eventually(has_run) > 1.7e9
    assert await figures.of("mystar_task_failures_total", **_CLEARANCE) is None

    async def is_measured() -> float | None:
        return await figures.of("mystar_event_loop_lag_seconds_count")

    assert await eventually(is_measured)
    assert (await figures.of("mystar_database_wait_seconds_count") or 0) > 0
