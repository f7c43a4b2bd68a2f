"""A form about money that is sent twice at the same time, as by a second click or from two tabs, counts once."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from aiohttp import web

from mystar.earnings.keys import EARNINGS
from mystar.earnings.service import EarningService
from tests.admin.conftest import AsRole
from tests.factory import Factory


@pytest.mark.one_process("its requests wait for each other")
async def test_a_bonus_sent_twice_at_once_counts_once(
    app: web.Application, factory: Factory, as_role: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    star, owner = await factory.star(), await as_role("owner")
    await app[EARNINGS].adjust(None, star.id, 100, "the first")
    path = f"/admin/earnings/{star.id}/"
    (seen,) = re.findall(r'name="seen" value="(\d+)"', await owner.page(path))
    both_are_read, adjust = asyncio.Barrier(2), EarningService.adjust

    async def adjust_together(*args: Any, **more: Any) -> Any:
        await both_are_read.wait()
        return await adjust(*args, **more)

    form = {"amount": "500", "direction": "bonus", "reason": "a good month"}
    with monkeypatch.context() as patched:
        patched.setattr(EarningService, "adjust", adjust_together)
        answers = await asyncio.gather(*(owner.post(f"{path}adjust/", **form, seen=seen) for _ in range(2)))
    assert sorted(answer.status for answer in answers) == [303, 409]
    assert (await owner.post(f"{path}adjust/", **form)).status == 409, "the page was not seen"
    balance, _ = await app[EARNINGS].balance(star.id)
    assert balance.available == 50_100
