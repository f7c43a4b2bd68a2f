"""Every list of the panel, and the pages about one thing."""

from __future__ import annotations

import pytest

from mystar.admin.registers import REGISTERS
from tests.admin.conftest import Panel
from tests.factory import Factory


@pytest.mark.parametrize("name", REGISTERS)
async def test_a_list_opens(viewer: Panel, name: str) -> None:
    await viewer.page(f"/admin/{name}/")


async def test_pages(owner: Panel, factory: Factory) -> None:
    star = await factory.star()
    order = await factory.order(await factory.person(), star)
    for path in ("", "staff/", f"orders/{order}/", f"accounts/{star.id}/", "creators/1/", "outbox/1/"):
        await owner.page(f"/admin/{path}")
