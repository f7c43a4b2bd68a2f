"""Ages are counted in days of the configured time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import TestClient, TestServer

from mystar.app import create_app
from mystar.settings import Settings, SettingsWrong
from tests.clock import FrozenClock

#: Already the next day in Moscow, and still the same in London.
EVENING = datetime(2026, 1, 1, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(("zone", "status"), [("", 201), ("Asia/Almaty", 201), ("Europe/London", 400), ("UTC", 400)])
async def test_the_eighteenth_birthday_begins_with_its_day_in_the_time_zone(
    make_settings: Callable[..., Settings], zone: str, status: int
) -> None:
    settings = make_settings(TIME_ZONE=zone)
    app = await create_app(settings, settings.database.url, FrozenClock(EVENING))
    body = {"phone_number": "87077776655", "password": "Greeting-for-Mum-77", "birthdate": "2008-01-02"}
    body["first_name"] = "Олег"
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/api/accounts/users/", json=body)
        assert answer.status == status, await answer.text()


def test_an_unknown_time_zone_is_refused(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsWrong, match="MYSTAR_TIME_ZONE"):
        make_settings(TIME_ZONE="Europe/Nowhere")
