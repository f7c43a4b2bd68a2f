"""Every list of the panel."""

from __future__ import annotations

import pytest

from mystar.admin.registers import REGISTERS
from tests.admin.conftest import Panel


@pytest.mark.parametrize("name", REGISTERS)
async def test_a_list_opens(viewer: Panel, name: str) -> None:
    await viewer.page(f"/admin/{name}/")
