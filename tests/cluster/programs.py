"""The programs that the cluster is made of, where Debian puts them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

#: Where administrators' programs are; not in everybody's path.
_PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
_PACKAGES = {
    "etcd": "etcd-server",
    "patroni": "patroni",
    "haproxy": "haproxy",
    "pgbouncer": "pgbouncer",
    "redis-server": "redis-server",
    "nginx": "nginx-light",
    "setpriv": "util-linux",
}
_POSTGRES = Path("/usr/lib/postgresql")


class ProgramMissing(Exception):
    """The text names the program and the Debian package that brings it."""


@dataclass(frozen=True)
class Programs:
    """Paths by name. ``postgres``: the folder of the newest installed server's programs."""

    paths: dict[str, str]
    postgres: Path

    def __getitem__(self, name: str) -> str:
        return self.paths[name]


def where(name: str) -> str | None:
    """The path of an installed program."""
    return shutil.which(name, path=_PLACES)


def find_programs() -> Programs:
    """:raises ProgramMissing: names all that are."""
    found = {name: where(name) for name in _PACKAGES}
    missing = {name: _PACKAGES[name] for name, path in found.items() if path is None}
    servers = sorted(_POSTGRES.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if not servers:
        missing["postgres"] = "postgresql"
    if missing:
        named = ", ".join(f"{name} (Debian: {package})" for name, package in missing.items())
        raise ProgramMissing(f"Not installed: {named}. Install: apt-get install {' '.join(missing.values())}")
    return Programs({name: path for name, path in found.items() if path}, servers[-1].parent)
