"""Logs that say enough and never too much; metrics by route."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from datetime import datetime

import orjson
import pytest

from mystar.kit.web.access_log import access, configure_access_log, log_request
from mystar.kit.web.observability import Metrics, configure_logging, formatter, without_secrets

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6NDJ9.abcDEF-_123"


def written(message: str, *arguments: object, form: str = "json", exc_info: object = None, **extra: object) -> str:
    """One record as the log would hold it."""
    record = logging.LogRecord("mystar.test", logging.INFO, "file.py", 1, message, arguments, exc_info)  # type: ignore[arg-type]
    record.__dict__.update(extra)
    return formatter(form).format(record)


def test_a_record_is_one_line_of_json() -> None:
    line = orjson.loads(written("звезда %s\nдве строки", "Полина", route="/api/star", ms=1.5))
    assert line["event"] == "звезда Полина\nдве строки"
    assert line["level"] == "info"
    assert line["logger"] == "mystar.test"
    assert line["route"] == "/api/star"
    assert line["ms"] == 1.5
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("sentence", "hidden"),
    [
        (f"got {TOKEN} from a client", "got *** from a client"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer ***"),
        ("sent Basic MTAwNTAwOnNlY3JldA==", "sent Basic ***"),
        ("postgresql://user:pa55%40word@db/mystar", "postgresql://***@db/mystar"),
        ("host=db password=hunter2 dbname=mystar", "host=db password=*** dbname=mystar"),
        ("host=db password='two words' dbname=mystar", "host=db password=*** dbname=mystar"),
        ("GET /x?token=abc&page=2", "GET /x?token=***&page=2"),
        ("GET /payments/?order_id=1&sig=0af31", "GET /payments/?order_id=1&sig=***"),
        ("GET /callback?code=4%2F0Ab&state=z", "GET /callback?code=***&state=z"),
        ("{'password': 'hunter2', 'name': 'x'}", "{'password': ***, 'name': 'x'}"),
        ('{"new_password":"hunter2","name":"x"}', '{"new_password":***,"name":"x"}'),
        ('{"access_token": "abc.def", "id": 1}', '{"access_token": ***, "id": 1}'),
        ("MYSTAR_SECRET_KEY=0123456789", "MYSTAR_SECRET_KEY=***"),
        ("the password of 42 was changed", "the password of 42 was changed"),
        ("order 17 accepted, status code 200", "order 17 accepted, status code 200"),
    ],
)
def test_secrets_inside_a_text_are_blanked(sentence: str, hidden: str) -> None:
    assert without_secrets(sentence) == hidden
    assert orjson.loads(written("%s", sentence))["event"] == hidden


@pytest.mark.parametrize("key", ["password", "Authorization", "refresh_token", "dsn", "Set-Cookie", "api_key"])
def test_values_of_secret_keys_are_blanked(key: str) -> None:
    assert "marked" not in written("a call", **{key: ["marked"]})


def test_secrets_inside_other_values_are_blanked() -> None:
    assert "marked" not in written("a call", payload={"user": {"password": "marked-1", "list": ["token=marked-2"]}})


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_stack_of_an_exception_is_kept_without_its_secrets(form: str) -> None:
    try:
        raise RuntimeError("cannot open postgresql://u:marked-1@db with password=marked-2")
    except RuntimeError:
        text = written("failed", form=form, exc_info=sys.exc_info())
    assert "RuntimeError" in text
    assert "test_observability.py" in text
    assert "marked" not in text


@pytest.mark.parametrize("value", [2**70, float("nan"), b"\xff", "\ud800 half", {1: object()}, None, True])
def test_every_record_is_written(value: object) -> None:
    assert orjson.loads(written("an odd value: %s", value, odd=value))["event"].startswith("an odd value")


def test_an_emptied_outbox_topic_leaves_the_metrics() -> None:
    metrics = Metrics()
    metrics.count_outbox([{"topic": "mail", "waiting": 3, "failed": 0, "oldest_seconds": 1.0}])
    assert b'mystar_outbox_waiting{topic="mail"} 3.0' in metrics.rendered()
    metrics.count_outbox([])
    assert b'topic="mail"' not in metrics.rendered()


def test_the_metrics_include_the_process() -> None:
    text = Metrics().rendered()
    for name in (b"process_resident_memory_bytes", b"process_open_fds", b"python_info"):
        assert name in text


async def test_requests_are_logged_with_the_keys_of_all_other_records(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(access, "disabled", access.disabled)
    level = root.level
    try:
        configure_logging("info", "json")
        log_request("GET", "/", 200, 1.5, "127.0.0.1", "one")
        log_request("GET", "/", 499, 1.5, "127.0.0.1", "one")
        await asyncio.sleep(0)
        access.info("GET / 200 1.5 ms", extra=DETAILS)
        configure_logging("info", "json", requests=False)
        log_request("GET", "/", 200, 1.5, "127.0.0.1", "one")
        await asyncio.sleep(0)
    finally:
        root.setLevel(level)
        configure_access_log("text", enabled=True)
    own, other = map(orjson.loads, capsys.readouterr().err.splitlines())
    assert datetime.fromisoformat(own.pop("timestamp")) <= datetime.fromisoformat(other.pop("timestamp"))
    assert own == other == {"event": "GET / 200 1.5 ms", "level": "info", "logger": "mystar.access", **DETAILS}


async def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
    broken = io.StringIO()
    broken.close()
    monkeypatch.setattr(sys, "stderr", broken)
    monkeypatch.setattr(access, "level", logging.INFO)
    try:
        configure_access_log("json", enabled=True)
        log_request("GET", "/", 200, 1.5, "127.0.0.1", "one")
        await asyncio.sleep(0)
    finally:
        configure_access_log("text", enabled=True)
    assert not failures


DETAILS = {"method": "GET", "route": "/", "status": 200, "ms": 1.5, "address": "127.0.0.1", "request_id": "one"}
