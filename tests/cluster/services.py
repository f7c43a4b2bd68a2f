"""The processes of the service behind nginx, with what the harness asks of a single one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Self

from tests.cluster.configuration import SERVICES, Layout
from tests.cluster.processes import RESTART_AFTER
from tests.harness.service import Service
from tests.sandbox_process import SandboxClient

#: TimeoutStopSec of deploy/mystar@.service.
_STOP_WITHIN = 45.0


class Services(Service):
    """`python -m mystar serve` on several ports, used as one: its ``url`` is nginx's.

    Operators' commands have the primary's own address, as migrations and backups need it.

    :param settings: of all processes, without MYSTAR_.
    """

    def __init__(self, layout: Layout, sandbox: SandboxClient, settings: Mapping[str, object], count: int) -> None:
        direct = {**settings, "DATABASE__URL": layout.dsn("haproxy"), "DATABASE__PREPARED_STATEMENTS": "true"}
        super().__init__("", sandbox, layout.directory / "operator", **direct)
        self.url = layout.url
        self.members = [
            Service("", sandbox, layout.directory / name, port=layout.ports[name], **settings)
            for name in SERVICES[:count]
        ]

    def start(self) -> Self:
        for member in self.members:
            member.start()
        return self

    async def wait_ready(self) -> Self:
        for member in self.members:
            await member.wait_ready()
        self.starts = [seconds for member in self.members for seconds in member.starts]
        return self

    def kill(self) -> None:
        for member in self.members:
            member.kill()

    def stop(self, within: float = _STOP_WITHIN) -> int:
        return next((code for code in [member.stop(within) for member in self.members] if code), 0)

    def logged(self) -> str:
        return "".join(member.logged() for member in self.members)

    async def kill_one(self, number: int) -> None:
        """SIGKILL for one of them, and its next start as late as by systemd."""
        member = self.members[number]
        member.kill()
        await asyncio.sleep(RESTART_AFTER)
        await member.start().wait_ready()

    async def restart_one_by_one(self) -> None:
        """As a deployment does: SIGTERM, and the next one when this one serves again."""
        for member in self.members:
            code = await asyncio.to_thread(member.stop, _STOP_WITHIN)
            assert code == 0, f"a service ended with exit code {code}"
            await member.start().wait_ready()
