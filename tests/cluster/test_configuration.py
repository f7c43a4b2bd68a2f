"""The configuration of the cluster's parts fits together, and the programs that are installed accept it."""

from __future__ import annotations

import configparser
import re
import subprocess
import tomllib
from pathlib import Path

import orjson
import pytest

from tests.cluster import configuration, programs
from tests.cluster.configuration import NODES, SERVICES, Layout
from tests.cluster.kills import LIMITS
from tests.cluster.programs import ProgramMissing, find_programs
from tests.programs import ROOT


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path, Path("/usr/lib/postgresql/15/bin"), "secret")


def test_the_way_of_a_statement_leads_from_the_service_to_the_primary(layout: Layout) -> None:
    """Service → PgBouncer → HAProxy → the node whose Patroni says that it is the primary."""
    file = configparser.ConfigParser()
    file.read_string(configuration.pgbouncer(layout))
    pooler = file["pgbouncer"]
    assert layout.address("pgbouncer") in str(configuration.service(layout)["DATABASE__URL"])
    assert (int(pooler["listen_port"]), pooler["pool_mode"]) == (layout.ports["pgbouncer"], "transaction")
    assert file["databases"]["*"].endswith(f"port={layout.ports['haproxy']}")
    proxy = configuration.haproxy(layout)
    assert f"bind {layout.address('haproxy')}\n" in proxy
    for node in NODES:
        known = orjson.loads(configuration.patroni(layout, node))
        server, says = known["postgresql"]["listen"], known["restapi"]["listen"]
        assert f"server {node} {server} check port {says.rpartition(':')[2]}\n" in proxy
        assert known["etcd3"]["hosts"] in configuration.etcd(layout)["ETCD_ADVERTISE_CLIENT_URLS"]


def test_a_failover_loses_nothing_and_takes_less_than_ten_seconds(layout: Layout) -> None:
    """Of the values, what the two promises rest on."""
    shared = orjson.loads(configuration.patroni(layout, "node1"))["bootstrap"]["dcs"]
    assert shared["synchronous_mode"] is True
    assert shared["loop_wait"] + 2 * shared["retry_timeout"] <= shared["ttl"] < 10
    file = configparser.ConfigParser()
    file.read_string(configuration.pgbouncer(layout))
    waits = {name: int(file["pgbouncer"][name]) for name in ("server_login_retry", "query_wait_timeout")}
    assert shared["ttl"] + waits["server_login_retry"] < 10
    assert waits["query_wait_timeout"] <= 5


def test_nginx_closes_idle_connections_before_a_process_that_stops_does(layout: Layout) -> None:
    text = configuration.nginx(layout)
    kept = re.search(r"keepalive_timeout (\d+)s;", text)
    drained = tomllib.loads((ROOT / "config" / "production.toml").read_text())["http"]["drain_seconds"]
    assert configuration.service(layout)["HTTP__DRAIN_SECONDS"] == drained
    assert kept
    assert int(kept[1]) < drained
    for name in SERVICES:
        assert f"\n    server {layout.address(name)} max_fails=0;" in text


def test_every_part_has_a_port_of_its_own(layout: Layout) -> None:
    assert len(set(layout.ports.values())) == len(layout.ports)
    assert set(LIMITS.values()) == {"1000000/minute"}


def test_installed_programs_accept_their_files(layout: Layout) -> None:
    home = layout.directory / "nginx"
    home.mkdir()
    (home / "mystar.conf").write_text(configuration.nginx(layout))
    files = {"nginx": configuration.nginx_around(layout, ""), "haproxy": configuration.haproxy(layout)}
    for name, text in files.items():
        if program := programs.where(name):
            file = layout.directory / f"{name}.conf"
            file.write_text(text)
            command = [program, "-t", "-c", file] if name == "nginx" else [program, "-c", "-f", file]
            checked = subprocess.run(command, capture_output=True, text=True, check=False, cwd=home)
            assert checked.returncode == 0, checked.stderr


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(programs, "_PLACES", str(tmp_path))
    monkeypatch.setattr(programs, "_POSTGRES", tmp_path)
    with pytest.raises(ProgramMissing, match=r"etcd \(Debian: etcd-server\).* apt-get install .*patroni.* postgresql"):
        find_programs()
