"""Everything at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import configuration
from tests.cluster.configuration import SERVICES, Layout
from tests.cluster.database import PostgresPair, patroni_processes
from tests.cluster.processes import Process, account
from tests.cluster.programs import Programs, find_programs
from tests.cluster.services import Services
from tests.database import reachable_directory
from tests.promises.faults.environment import children
from tests.s3_server import ACCESS_KEY, REGION, SECRET_KEY, S3Server
from tests.sandbox_process import SandboxProcess, sandbox_in

_BUCKET = "mystar"
_LISTENS_WITHIN = 30.0


@dataclass
class Cluster:
    layout: Layout
    sandbox: SandboxProcess
    postgres: PostgresPair
    services: Services
    #: Besides Patroni: etcd, haproxy, pgbouncer, redis and nginx.
    processes: dict[str, Process]
    #: Settings of the service that name the bucket and Redis, without MYSTAR_.
    shared: dict[str, object]

    @property
    def dsn(self) -> str:
        """Of the primary itself, whichever node that is."""
        return self.layout.dsn("haproxy")

    async def serve(self, services: int) -> None:
        """Let nginx pass requests to so many services only."""
        file = self.layout.directory / "nginx" / "mystar.conf"
        file.write_text(configuration.nginx(self.layout, services))
        nginx = self.processes["nginx"].pid
        before = set(children(nginx))
        os.kill(nginx, signal.SIGHUP)
        # Workers that still had the old file have ended, or take no further connection.
        while len(set(children(nginx)) - before) < configuration.NGINX_WORKERS:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running(
    *, services: int = len(SERVICES), logs: Path | None = None, **variables: object
) -> AsyncIterator[Cluster]:
    """PostgreSQL, its schema and everything around the services, which are not started.

    :param logs: where to leave the logs. :param variables: further settings of the service, without MYSTAR_.
    :raises ProgramMissing: names it.
    """
    programs = find_programs()
    async with contextlib.AsyncExitStack() as stack:
        directory = stack.enter_context(reachable_directory("mystar-cluster-"))
        if logs is not None:
            stack.callback(_leave_logs, directory, logs)
        layout = Layout(directory, programs.postgres, secrets.token_hex(16))
        processes = _written(layout, programs)
        patroni = patroni_processes(layout, programs["patroni"], programs["setpriv"])
        for process in (processes["etcd"], *patroni.values(), processes["haproxy"]):
            stack.push_async_callback(process.stop)
            await process.start()
            if process.name == "etcd":
                await listening(layout.ports["etcd"], process)
        postgres = PostgresPair(layout, patroni)
        await postgres.wait_complete()
        await asyncio.to_thread(postgres.create_database)
        for name in ("pgbouncer", "redis", "nginx"):
            stack.push_async_callback(processes[name].stop)
            await processes[name].start()
            await listening(layout.ports[name], processes[name])
        sandbox = stack.enter_context(sandbox_in(directory / "sandbox"))
        shared = {**configuration.redis(layout), **_bucket(layout, stack)}
        group = Services(layout, sandbox, {**configuration.service(layout), **shared, **variables}, services)
        stack.callback(group.kill)
        yield Cluster(layout, sandbox, postgres, group, processes, shared)


def _leave_logs(directory: Path, logs: Path) -> None:
    logs.mkdir(parents=True, exist_ok=True)
    for file in directory.glob("*/*.log"):
        shutil.copyfile(file, logs / f"{file.parent.name}-{file.name}")


def _written(layout: Layout, programs: Programs) -> dict[str, Process]:
    """The files of configuration, and the processes that will read them."""
    homes = {name: layout.directory / name for name in ("etcd", "haproxy", "pgbouncer", "redis", "nginx")}
    for home in homes.values():
        home.mkdir()
    PostgresPair.prepare(layout)
    files = {
        "haproxy/haproxy.cfg": configuration.haproxy(layout),
        "pgbouncer/pgbouncer.ini": configuration.pgbouncer(layout),
        "pgbouncer/users.txt": configuration.pgbouncer_users(layout),
        "nginx/mystar.conf": configuration.nginx(layout),
        "nginx/nginx.conf": configuration.nginx_around(layout, "user root;" if os.geteuid() == 0 else ""),
    }
    for name, text in files.items():
        (layout.directory / name).write_text(text)
    owner = account()
    if owner is not None:
        for path in (homes["etcd"], homes["pgbouncer"], homes["pgbouncer"] / "users.txt"):
            shutil.chown(path, owner.pw_uid, owner.pw_gid)
    (homes["pgbouncer"] / "users.txt").chmod(0o600)
    return _processes(layout, programs, homes)


def _processes(layout: Layout, programs: Programs, homes: dict[str, Path]) -> dict[str, Process]:
    nginx, redis = str(homes["nginx"]), str(layout.ports["redis"])
    commands: dict[str, tuple[str, ...]] = {
        "etcd": ("etcd",),
        "haproxy": ("haproxy", "-db", "-f", str(homes["haproxy"] / "haproxy.cfg")),
        "pgbouncer": ("pgbouncer", str(homes["pgbouncer"] / "pgbouncer.ini")),
        "redis": ("redis-server", "--port", redis, "--bind", "127.0.0.1", "--save", "", "--dir", str(homes["redis"])),
        "nginx": ("nginx", "-p", nginx, "-c", f"{nginx}/nginx.conf", "-e", f"{nginx}/start.log"),
    }
    return {
        name: Process(
            name,
            [programs[program], *arguments],
            homes[name],
            setpriv=programs["setpriv"],
            environment=configuration.etcd(layout) if name == "etcd" else None,
            unprivileged=name in ("etcd", "pgbouncer"),
        )
        for name, (program, *arguments) in commands.items()
    }


def _bucket(layout: Layout, stack: contextlib.AsyncExitStack) -> dict[str, object]:
    folder = layout.directory / "s3"
    folder.mkdir()
    server = S3Server(layout.ports["s3"], folder)
    stack.callback(server.stop)
    server.start()
    server.bucket(_BUCKET)
    return {
        "STORAGE__KIND": "s3",
        "STORAGE__S3__ENDPOINT": server.url,
        "STORAGE__S3__BUCKET": _BUCKET,
        "STORAGE__S3__REGION": REGION,
        "STORAGE__S3__ACCESS_KEY": ACCESS_KEY,
        "STORAGE__S3__SECRET_KEY": SECRET_KEY,
    }


async def listening(port: int, process: Process) -> None:
    """Until the process accepts connections. :raises AssertionError: it does not."""
    deadline = asyncio.get_running_loop().time() + _LISTENS_WITHIN
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            late = asyncio.get_running_loop().time() > deadline
            if late or not process.pid:
                raise AssertionError(f"{process.name} does not listen:\n{process.said()}") from None
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return await writer.wait_closed()
