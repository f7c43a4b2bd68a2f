"""A customer, a star and an unpaid order, beside the provider's sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.factory import Factory, Person

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess


@pytest.fixture
async def sandbox(sandbox_process: SandboxProcess) -> AsyncIterator[SandboxProcess]:
    yield sandbox_process
    await sandbox_process.reset()


@pytest.fixture
async def customer(factory: Factory) -> Person:
    return await factory.person()


@pytest.fixture
async def star(factory: Factory) -> Person:
    return await factory.star()


@pytest.fixture
async def order_id(factory: Factory, customer: Person, star: Person) -> int:
    return await factory.order(customer, star)
