"""Dockerfile, compose file and example agree with the settings of the service."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from mystar.settings import Settings, load_settings
from tests.server_process import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
EXAMPLE = dict(
    line.split("=", 1) for line in (ROOT / "deploy/env.example").read_text().splitlines() if re.match(r"[A-Z]", line)
)


def is_setting(variable: str) -> bool:
    model: Any = Settings
    for part in variable.removeprefix("MYSTAR_").lower().split("__"):
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or part not in model.model_fields:
            return False
        model = model.model_fields[part].annotation
    return True


def test_every_variable_of_the_compose_file_is_documented() -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE))
    assert asked == set(EXAMPLE)


def test_every_variable_of_the_compose_file_is_a_setting() -> None:
    given = SERVICES["mystar"]["environment"]
    assert given == SERVICES["migrate"]["environment"]
    assert [name for name in given if name.startswith("MYSTAR_") and not is_setting(name)] == []


def test_secrets_have_no_default() -> None:
    # Not every mail server needs a password, and not every deployment has a bucket.
    may_be_empty = {"MYSTAR_MAIL__PASSWORD", "MYSTAR_STORAGE__S3__SECRET_KEY"}
    for name, value in SERVICES["mystar"]["environment"].items():
        if re.search("PASSWORD|SECRET", name) and name not in may_be_empty:
            assert ":?" in value, name


def test_the_example_with_values_is_valid_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE))
    filled = {name: value or ("abcdefghij" * 4 if name in required else "") for name, value in EXAMPLE.items()}
    for name, value in SERVICES["mystar"]["environment"].items():
        expanded = re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda found: filled[found[1]], value)
        monkeypatch.setenv(name, expanded)
    for name, value in re.findall(r"(MYSTAR_\w+)=(\S+)", (ROOT / "Dockerfile").read_text()):
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.profile == "production"
    assert settings.http.host == "0.0.0.0"
    stop = float(SERVICES["mystar"]["stop_grace_period"].removesuffix("s"))
    assert stop > settings.http.drain_seconds + settings.http.shutdown_seconds + 2, "time for the last requests"


def test_the_image_copies_existing_files_and_ignores_the_rest() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = {name for line in re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE) for name in line.split()}
    allowed = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)
