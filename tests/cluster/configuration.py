"""The files of configuration of everything that is not the service, from one description of the cluster.

`docs/operate/high-availability.md` explains the values.
"""

from __future__ import annotations

import configparser
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.ports import unused_port

NODES = ("node1", "node2")
SERVICES = ("service1", "service2", "service3")
NGINX_WORKERS = 2
#: Of the service in the database.
ROLE = "mystar"
#: Of the tests, which make databases.
SUPERUSER = "postgres"
#: The variable by which tests of the suite find a cluster.
PLACES = "CLUSTER_PLACES"
NGINX_EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "nginx.conf"
_PORTS = (
    *SERVICES,
    *(f"{node}-{what}" for node in NODES for what in ("postgres", "patroni")),
    *("etcd", "etcd-peers", "haproxy", "pgbouncer", "redis", "s3", "nginx", "neighbour"),
)
#: Seconds. A primary that is gone is replaced after ``ttl``; never less than loop_wait and twice retry_timeout.
TIMES = {"ttl": 5, "loop_wait": 1, "retry_timeout": 2}


def _unused_ports() -> dict[str, int]:
    ports: dict[str, int] = {}
    for name in _PORTS:
        while (port := unused_port()) in ports.values():
            pass
        ports[name] = port
    return ports


@dataclass(frozen=True)
class Layout:
    """:param directory: of everything. :param postgres: the folder of PostgreSQL's programs.
    :param password: of all roles of the database.
    """

    directory: Path
    postgres: Path
    password: str
    ports: Mapping[str, int] = field(default_factory=_unused_ports)

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    def dsn(self, port: str, role: str = ROLE, database: str = ROLE) -> str:
        return f"postgresql://{role}:{self.password}@{self.address(port)}/{database}"

    @property
    def url(self) -> str:
        """What clients are told."""
        return f"http://{self.address('nginx')}"


def patroni(layout: Layout, node: str) -> str:
    """YAML that is JSON."""
    home = layout.directory / node
    accounts = {
        "superuser": {"username": SUPERUSER, "password": layout.password},
        "replication": {"username": "replicator", "password": layout.password},
    }
    known: dict[str, Any] = {
        "scope": "mystar",
        "name": node,
        "restapi": {"listen": layout.address(f"{node}-patroni"), "connect_address": layout.address(f"{node}-patroni")},
        "etcd3": {"hosts": layout.address("etcd")},
        "bootstrap": {
            "dcs": {
                **TIMES,
                "synchronous_mode": True,
                "maximum_lag_on_failover": 1_048_576,
                # A server that crashes is replaced at once, and not waited for.
                "primary_start_timeout": 0,
                "postgresql": _SERVER,
            },
            "initdb": ["data-checksums", {"encoding": "UTF8"}, {"locale": "C.UTF-8"}, {"auth": "scram-sha-256"}],
        },
        "postgresql": {
            "listen": layout.address(f"{node}-postgres"),
            "connect_address": layout.address(f"{node}-postgres"),
            "data_dir": str(home / "data"),
            "bin_dir": str(layout.postgres),
            "pgpass": str(home / "pgpass"),
            "authentication": accounts,
            "parameters": {"unix_socket_directories": ""},
            "pg_hba": [f"host {database} all 127.0.0.1/32 scram-sha-256" for database in ("all", "replication")],
            "remove_data_directory_on_rewind_failure": True,
            "remove_data_directory_on_diverged_timelines": True,
        },
        "watchdog": {"mode": "off"},
    }
    return orjson.dumps(known, option=orjson.OPT_INDENT_2).decode()


_SERVER = {
    "use_pg_rewind": True,
    "use_slots": True,
    "parameters": {"max_connections": 100, "shared_buffers": "64MB", "wal_keep_size": "256MB", "wal_log_hints": "on"},
}


def etcd(layout: Layout) -> dict[str, str]:
    """etcd's variables. One member; production has three."""
    clients, peers = f"http://{layout.address('etcd')}", f"http://{layout.address('etcd-peers')}"
    return {
        "ETCD_NAME": "etcd1",
        "ETCD_DATA_DIR": str(layout.directory / "etcd" / "data"),
        "ETCD_LISTEN_CLIENT_URLS": clients,
        "ETCD_ADVERTISE_CLIENT_URLS": clients,
        "ETCD_LISTEN_PEER_URLS": peers,
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": peers,
        "ETCD_INITIAL_CLUSTER": f"etcd1={peers}",
        "ETCD_LOGGER": "zap",
        "ETCD_LOG_LEVEL": "warn",
    }


def haproxy(layout: Layout) -> str:
    """To the node whose Patroni says that it is the primary."""
    servers = "\n".join(
        f"    server {node} {layout.address(f'{node}-postgres')} check port {layout.ports[f'{node}-patroni']}"
        for node in NODES
    )
    return f"""\
global
    maxconn 500

defaults
    mode tcp
    timeout connect 2s
    timeout client 30m
    timeout server 30m
    timeout check 1s

listen primary
    bind {layout.address("haproxy")}
    option httpchk GET /primary
    http-check expect status 200
    default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""


def pgbouncer(layout: Layout) -> str:
    """Transaction mode, with every time limit shorter than a client's patience."""
    file = configparser.ConfigParser(interpolation=None)
    file["databases"] = {"*": f"host=127.0.0.1 port={layout.ports['haproxy']}"}
    file["pgbouncer"] = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(layout.ports["pgbouncer"]),
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": str(layout.directory / "pgbouncer" / "users.txt"),
        "pool_mode": "transaction",
        "ignore_startup_parameters": "options",
        "max_client_conn": "200",
        "default_pool_size": "30",
        "server_connect_timeout": "2",
        "server_login_retry": "1",
        "query_wait_timeout": "5",
    }
    written = io.StringIO()
    file.write(written)
    return written.getvalue()


def pgbouncer_users(layout: Layout) -> str:
    return "".join(f'"{role}" "{layout.password}"\n' for role in (ROLE, SUPERUSER))


def nginx(layout: Layout, services: int = len(SERVICES)) -> str:
    """deploy/nginx.conf with its lines for several processes, and without limits: all clients are one address here.

    :param services: how many of them get requests.
    """
    config = NGINX_EXAMPLE.read_text().replace("#several ", "")
    changes = {
        **{f"127.0.0.1:{8080 + number}": layout.address(name) for number, name in enumerate(SERVICES)},
        "127.0.0.1:9000": layout.address("neighbour"),
        "listen 80;": f"listen {layout.address('nginx')};",
        "/var/log/nginx/": f"{layout.directory}/nginx/",
        "rate=30r/s": "rate=100000r/s",
        "burst=40": "burst=100000",
    }
    for printed, real in changes.items():
        if printed not in config:
            raise ValueError(f"{NGINX_EXAMPLE} has no {printed!r}")
        config = config.replace(printed, real)
    for name in SERVICES[services:]:
        config = config.replace(f"    server {layout.address(name)} max_fails=0;\n", "")
    return config


def nginx_around(layout: Layout, user: str) -> str:
    """The file that includes it. :param user: the directive, or nothing."""
    home = layout.directory / "nginx"
    places = "\n".join(f"    {name}_temp_path {home}/{name};" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""\
{user}
daemon off;
worker_processes {NGINX_WORKERS};
pid {home}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {home}/body;
{places}
    include {home}/mystar.conf;
}}
"""


def service(layout: Layout) -> dict[str, object]:
    """Settings of the service that are the same in every process, without MYSTAR_."""
    return {
        "HTTP__PUBLIC_URL": layout.url,
        "HTTP__TRUSTED_PROXIES": "127.0.0.1",
        "HTTP__EVENT_LOOP": "uvloop",
        # As in production, and longer than nginx keeps an idle connection.
        "HTTP__DRAIN_SECONDS": 5,
        "DATABASE__URL": layout.dsn("pgbouncer"),
        "DATABASE__PREPARED_STATEMENTS": "false",
        "DATABASE__POOL_SIZE": 10,
        "DATABASE__ACQUIRE_SECONDS": 5,
    }


def redis(layout: Layout) -> dict[str, object]:
    """The settings that join the processes."""
    url = f"redis://{layout.address('redis')}/0"
    return {"BUS__URL": url, "LIMITS__URL": url}
