"""Alert rules and the dashboard ask for metrics that exist."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from mystar.contracts.system import ROUTES
from tests.conftest import Api
from tests.server_process import ROOT

FOLDER = ROOT / "deploy/monitoring"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
#: Of Prometheus itself.
OF_PROMETHEUS = {"up"}
_METRIC = re.compile(r"\b((?:mystar|process)_\w+|up)\b(?=[\s{\[)]|$)")


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [*(rule["expr"] for rule in RULES), *panels]


async def test_every_metric_of_the_rules_and_the_dashboard_exists(api: Api) -> None:
    text = await (await api.get("/metrics")).text()
    known = set(OF_PROMETHEUS)
    for family in text_string_to_metric_families(text):
        known |= {family.name, f"{family.name}_total", *(f"{family.name}_{end}" for end in ("bucket", "sum", "count"))}
    asked = {name for expression in expressions() for name in _METRIC.findall(expression)}
    assert len(asked) > 20
    assert asked - known == set()


async def test_the_jobs_of_the_rules_exist(app: web.Application, api: Api) -> None:
    (rule,) = [one for one in RULES if one["alert"] == "MystarJobStopped"]
    jobs = re.findall(r'task=~"([^"]+)"', rule["expr"])[0].split("|")
    # A job's metric, which appears with its first run, has the name of its task.
    assert set(jobs) <= {task.get_name() for task in asyncio.all_tasks()}


def test_every_rule_says_how_urgent_it_is_and_what_is_wrong() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]


def test_the_configuration_of_prometheus_has_the_address_of_the_metrics() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    assert config["rule_files"] == ["alerts.yml"]
    assert [job["job_name"] for job in config["scrape_configs"]] == ["mystar"]
    assert "/metrics" in [route.path for route in ROUTES]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (apt-get install prometheus)")
def test_prometheus_takes_its_configuration_and_the_rules() -> None:
    done = subprocess.run(
        ["promtool", "check", "config", str(FOLDER / "prometheus.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout
