"""Fuzzing of every operation, and what scanners look for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import aiohttp

from mystar.app import create_app
from mystar.settings import load_settings
from tests.api_server import ApiTestServer
from tests.factory import Factory
from tests.harness.service import Service
from tests.promises.faults.environment import Environment
from tests.sandbox_process import SandboxProcess
from tests.server_process import ROOT, environment, run_cli

_DOCUMENT = "/api/docs/openapi.json"
_METHODS = ("get", "post", "put", "patch", "delete")
#: These end the sessions that the fuzzing needs.
_ENDS_SESSIONS = re.compile(r"logout|sessions|deactivate|/block|sign-out")
_HOSTILE: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2**31, 2**63, 2**70, 1e308, -0.5, "", " ", "x" * 5000, "\x00", "\ud800", "🌟", "%00"),
    *(
        "' or 1=1 --",
        "../../etc/passwd",
        "<script>",
        "{{7*7}}",
        "NaN",
        "2026-13-45",
        "9999-12-31",
        "0001-01-01T00:00:00Z",
    ),
    *([], {}, [[]], [None], {"a": {"b": []}}, ["x"] * 200, [1, 2, 3]),
)
#: Ends of the calendar, by the format that a document names: sums with them, or another zone, leave it.
_FAR: Mapping[str, tuple[str, ...]] = {
    "date": ("0001-01-01", "9999-12-31"),
    "date-time": ("0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"),
}


async def fuzz(env: Environment) -> None:
    """Hostile parameters and bodies for every operation of the OpenAPI document, by every role: no 5xx (S15)."""
    chance, rounds = random.Random(env.seed), env.size(1, 20)
    dsn, sandbox = env.postgres().dsn("mystar"), env.sandbox()
    variables = {
        "DATABASE__URL": dsn,
        "LIMITS__ENABLED": "false",
        "MAIL__HOST": sandbox.smtp_host,
        "MAIL__PORT": sandbox.smtp_port,
        "PAYMENTS__YOOKASSA__URL": sandbox.yookassa,
        **sandbox.oauth,
    }
    tokens = await _actors(dsn, env.directory, variables)
    async with _serving(env, dsn, sandbox, **variables) as server:
        connector = aiohttp.TCPConnector(limit=8)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
            async with session.get(server.url + _DOCUMENT) as answer:
                document = await answer.json()
            operations = [one for one in _operations(document) if not _ENDS_SESSIONS.search(one[1])]
            requests = [(one, token) for one in operations for token in tokens for _ in range(rounds)]
            chance.shuffle(requests)
            answers: Counter[int] = Counter()
            failed: list[str] = []
            turns = asyncio.Semaphore(8)

            async def one(operation: tuple[str, str, Mapping[str, Any]], token: str, seed: int) -> None:
                async with turns:
                    status, text = await _ask(session, server, operation, token, document, random.Random(seed))
                answers[status] += 1
                # What needs a provider may say that it is away.
                if status == 0 or (status >= 500 and status != 503):
                    failed.append(f"{operation[0]} {operation[1]}: {status} {text[:200]}")

            await asyncio.gather(*(one(operation, token, chance.getrandbits(32)) for operation, token in requests))
        said = await asyncio.to_thread(server.log.read_text, errors="replace")
        records = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        defects = [str(record.get("event")) for record in records if record.get("level") in ("error", "critical")]
        # A notification that names no payment of ours is written as an error on purpose.
        defects = [text for text in defects if "provider" not in text]
    assert not failed, "; ".join(failed[:5])
    checked = await asyncio.to_thread(run_cli, "check", directory=env.directory, patience=300, **variables)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    statuses = ", ".join(f"{count}× {status}" for status, count in sorted(answers.items()))
    env.measure(f"{len(requests)} requests to {len(operations)} operations by {len(tokens)} roles: {statuses}")
    assert not defects, f"{len(defects)} errors in the log: {defects[0]}"


@contextlib.asynccontextmanager
async def _serving(env: Environment, dsn: str, sandbox: SandboxProcess, **variables: object) -> AsyncIterator[Service]:
    service = Service(dsn, sandbox, env.directory, **variables)
    try:
        yield await service.start().wait_ready()
    finally:
        service.kill()


async def _actors(dsn: str, directory: Path, variables: Mapping[str, object]) -> list[str]:
    """Tokens of a guest, a buyer, a star and an owner of the installation."""
    with mock.patch.dict("os.environ", environment(directory, **variables)):
        app = await create_app(load_settings(), dsn)
        async with ApiTestServer(app):
            factory = Factory(app)
            buyer, star, owner = await factory.person(), await factory.star(), await factory.staff("owner")
            await factory.order(buyer, star)
            return ["", buyer.token, star.token, owner.token]


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield method, path, methods[method]


async def _ask(
    session: aiohttp.ClientSession,
    server: Service,
    operation: tuple[str, str, Mapping[str, Any]],
    token: str,
    document: Mapping[str, Any],
    chance: random.Random,
) -> tuple[int, str]:
    method, path, described = operation
    query: dict[str, str] = {}
    for parameter in described.get("parameters", []):
        parameter = _resolved(parameter, document)
        if parameter["in"] == "path":
            value = chance.choice(["1", "1", "2", "0", "-1", "99999999999999999999", "x", "%00", "..", "%F0%9F%8C%9F"])
            path = path.replace("{" + parameter["name"] + "}", value)
        elif parameter["in"] == "query" and chance.random() < 0.6:
            query[parameter["name"]] = _as_text(chance.choice(_HOSTILE))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data: Any = None
    if method != "get":
        data, headers["Content-Type"] = _content(described, document, chance), "application/json"
    try:
        url = server.url + path
        async with session.request(
            method, url, params=query, data=data, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, (await answer.read())[:500].decode(errors="replace")
    except (aiohttp.ClientError, TimeoutError) as error:
        return 0, repr(error)


def _content(described: Mapping[str, Any], document: Mapping[str, Any], chance: random.Random) -> bytes:
    contents = _resolved(described.get("requestBody", {}), document).get("content", {})
    schema = next((one.get("schema", {}) for one in contents.values()), {})
    if chance.random() < 0.15:
        return chance.choice([b"", b"[]", b"null", b"{", b'"\xff"', b"[" * 50, b'{"a":' * 40, b"1" * 400])
    # ensure_ascii keeps lone surrogates as escapes, which JSON allows.
    return json.dumps(_value(schema, document, chance, 0)).encode()


def _value(schema: Mapping[str, Any], document: Mapping[str, Any], chance: random.Random, depth: int) -> Any:
    """Of the described kind as a rule, and anything else now and then."""
    schema = _resolved(schema, document)
    if depth > 4 or chance.random() < 0.25:
        return chance.choice(_HOSTILE)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if "enum" in schema:
        return chance.choice(schema["enum"])
    if kind == "object":
        fields = schema.get("properties", {})
        return {name: _value(one, document, chance, depth + 1) for name, one in fields.items() if chance.random() < 0.9}
    if kind == "array":
        return [_value(schema.get("items", {}), document, chance, depth + 1) for _ in range(chance.randrange(3))]
    if (far := _FAR.get(schema.get("format", ""))) and chance.random() < 0.5:
        return chance.choice(far)
    example = schema.get("example", (schema.get("examples") or [None])[0])
    return example if example is not None else {"integer": 1, "number": 1.5, "boolean": True}.get(kind, "text")


def _resolved(schema: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    while isinstance(schema, dict) and "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema if isinstance(schema, dict) else {}


def _as_text(value: Any) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else json.dumps(value)


# Scanners.

#: Findings of ruff's rules S (those of bandit) that are explained: the rule, and where it may be found.
_EXPLAINED: Mapping[str, tuple[str, ...]] = {
    # Assertions state what the code around them has made sure of; none guards against input.
    "S101": ("mystar/",),
    # Names of fields, and passwords of the demo data and of the stand-ins.
    "S105": (
        *("mystar/admin/access.py", "mystar/contracts/example_values.py", "mystar/demo/"),
        *("mystar/kit/outbox/mail.py", "mystar/sandbox/"),
    ),
    # Addresses that are compared, and the stand-ins in a container.
    "S104": ("mystar/sandbox/process.py", "mystar/sections.py"),
    # Jitter and the faults of the stand-ins: nothing secret is made of it.
    "S311": ("mystar/kit/outbox/", "mystar/kit/postgres/", "mystar/kit/realtime/", "mystar/sandbox/"),
    # Own programs with arguments that no client gives.
    "S603": ("mystar/cli/", "mystar/files/decoder/", "mystar/kit/postgres/", "mystar/backup/"),
    "S607": ("mystar/kit/postgres/",),
    # The name of yoyo's table; and the short directory of a socket, made with mkdtemp.
    "S608": ("mystar/kit/postgres/migrations.py",),
    "S108": ("mystar/kit/postgres/embedded.py",),
}
#: A release with published vulnerabilities: an audit that does not find them has no database to look into.
_KNOWN_BAD = "aiohttp==3.9.0"
_LEAKS = re.compile(r"Traceback \(most recent|psycopg2|File \"/|SELECT .+ FROM |/site-packages/|PG::|stack trace", re.I)


async def scan(env: Environment) -> None:
    """Rules of bandit, pip-audit, and what ZAP's baseline looks at: no finding without explanation (S16)."""
    env.measure(await asyncio.to_thread(_read_code))
    findings, looked = await _baseline(env)
    assert not findings, f"{len(findings)} findings: {'; '.join(findings[:5])}"
    env.measure(f"{looked} answers looked at as ZAP's baseline does, no finding")
    env.measure(await asyncio.to_thread(_audit))


def _read_code() -> str:
    command = [sys.executable, "-m", "ruff", "check", "--select", "S", "--output-format", "json", "mystar"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    unexplained = []
    for one in found:
        name = str(Path(one["filename"]).relative_to(ROOT))
        if not name.startswith(_EXPLAINED.get(one["code"], ())):
            unexplained.append(f"{one['code']} {name}:{one['location']['row']}")
    assert not unexplained, f"bandit's rules: {', '.join(unexplained)}"
    return f"bandit's rules (ruff S): {len(found)} findings, all explained"


def _audit() -> str:
    """What pip-audit finds; that it cannot look anything up is no finding, and said."""
    if subprocess.run([sys.executable, "-m", "pip_audit", "--version"], capture_output=True, check=False).returncode:
        return "pip-audit is not installed"
    control = _pip_audit("-r", "/dev/stdin", "--no-deps", "--disable-pip", given=f"{_KNOWN_BAD}\n")
    if control.returncode != 1 or "aiohttp" not in control.stdout:
        return f"pip-audit has no vulnerability database here ({_KNOWN_BAD} passes), so it shows nothing"
    done = _pip_audit("--local", "--skip-editable")
    assert done.returncode == 0, f"pip-audit: {done.stdout[-1500:]}"
    return "pip-audit: no known vulnerability"


def _pip_audit(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip_audit", "--progress-spinner", "off", *arguments]
    try:
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=180)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 2, "", "no answer")


async def _baseline(env: Environment) -> tuple[list[str], int]:
    dsn = env.postgres().dsn("mystar")
    # As in production, where the origins are named.
    origins = {"HTTP__CORS_ORIGINS": "https://stars.example"}
    variables = {"DATABASE__URL": dsn, "LIMITS__ENABLED": "false", **origins}
    tokens = await _actors(dsn, env.directory, variables)
    findings: list[str] = []
    looked = 0
    async with (
        _serving(env, dsn, env.sandbox(), **variables) as server,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        async with session.get(server.url + _DOCUMENT) as answer:
            document = await answer.json()
        pages = ["/", "/admin/", "/admin/sign-in/", "/swagger/", "/no-such-page/", "/admin/no-such-page/"]
        for path in (*pages, *(path for method, path, _ in _operations(document) if method == "get")):
            for token in ("", tokens[1], tokens[3]):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                headers["Origin"] = "https://evil.example"
                address = re.sub(r"\{\w+\}", "1", path)
                async with session.get(server.url + address, headers=headers, allow_redirects=False) as answer:
                    text = (await answer.read()).decode(errors="replace")
                    findings += (f"{address}: {one}" for one in _findings(answer, text, is_personal=bool(token)))
                    looked += 1
    return findings, looked


def _findings(answer: aiohttp.ClientResponse, text: str, *, is_personal: bool) -> Iterator[str]:
    """The passive rules of ZAP's baseline that concern a server like this, by their numbers."""
    headers = answer.headers
    is_page = "html" in headers.get("Content-Type", "")
    policy = headers.get("Content-Security-Policy", "")
    if headers.get("X-Content-Type-Options") != "nosniff":
        yield "10021 X-Content-Type-Options is missing"
    if is_page and "frame-ancestors" not in policy and "X-Frame-Options" not in headers:
        yield "10020 it may be framed"
    if is_page and not policy:
        yield "10038 no Content-Security-Policy"
    if is_page and re.search(r"script-src[^;]*'unsafe-(inline|eval)'", policy):
        yield "10055 scripts inline are allowed"
    if re.search(r"\d", headers.get("Server", "")) or "X-Powered-By" in headers:
        yield "10036 versions are told"
    if headers.get("Access-Control-Allow-Origin") and headers.get("Access-Control-Allow-Credentials") == "true":
        yield "10098 any page may read it with cookies"
    if is_personal and answer.status == 200 and "public" in headers.get("Cache-Control", "") and "private" in text:
        yield "10015 a personal answer may be stored"
    for cookie in headers.getall("Set-Cookie", []):
        if "httponly" not in cookie.lower() or "samesite" not in cookie.lower():
            yield f"10010/10054 a cookie without HttpOnly or SameSite: {cookie.partition('=')[0]}"
    if answer.status >= 400 and _LEAKS.search(text):
        yield "10023/90022 an error tells about the inside"
