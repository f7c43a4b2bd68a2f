"""The locks of the image, of `.venv` and of builds fit setup.cfg and have hashes, and no line names a registry."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
#: Each lock, with the extras of setup.cfg that are locked in it.
LOCKS = {
    "requirements.lock": "heic sentry tracing",
    "requirements-run.lock": "heic sandbox sentry tracing",
    "requirements-dev.lock": "dev",
}
BUILD = "requirements-build.lock"
#: Where `scripts/env` installs the packages of the lock; the image has the first one on Linux.
PLACES = [
    {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "platform_system": system,
    }
    for python in ("3.13", "3.12", "3.11")
    for platform, system in (("linux", "Linux"), ("darwin", "Darwin"))
]
AGAIN = "run scripts/lock"


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def locked_in(name: str) -> dict[str, str]:
    return {canonicalize_name(one): version for one, version in re.findall(r"^([\w.-]+)==(\S+)", text_of(name), re.M)}


def declared(extras: str) -> list[Requirement]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = "\n".join(
        [config["options"]["install_requires"], *(config["options.extras_require"][one] for one in extras.split())]
    )
    return [Requirement(line) for line in lines.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_satisfies_setup_cfg(name: str) -> None:
    locked = locked_in(name)
    for one in declared(LOCKS[name]):
        version = locked.get(canonicalize_name(one.name))
        assert version is not None, f"{one.name} is not in {name}: {AGAIN}"
        assert one.specifier.contains(version, prereleases=True), f"{one}, but {version} is locked: {AGAIN}"


def test_all_locks_agree() -> None:
    image, run, everything = (locked_in(name).items() for name in LOCKS)
    assert image <= run <= everything, AGAIN
    with (ROOT / "pyproject.toml").open("rb") as file:
        needed = [Requirement(line) for line in tomllib.load(file)["build-system"]["requires"]]
    assert all(one.specifier.contains(locked_in(BUILD)[one.name]) for one in needed), AGAIN


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_has_everything_that_its_packages_need_wherever_it_is_used(name: str) -> None:
    python = re.search(r"^FROM python:([\d.]+)-slim\b", text_of("Dockerfile"), re.M)
    assert python is not None
    assert python[1] == PLACES[0]["python_version"]
    locked = locked_in(name)
    for place in PLACES:
        environment = {**default_environment(), **place}
        wanted, known = {canonicalize_name(one.name): one.extras for one in declared(LOCKS[name])}, set[str]()
        while todo := wanted.keys() - known:
            package = todo.pop()
            known.add(package)
            assert package in locked, f"{package} is not in {name}, but needed in {place}: {AGAIN}"
            for one in needed_by(package):
                marks = [{**environment, "extra": extra} for extra in ("", *wanted[package])]
                if one.marker is None or any(one.marker.evaluate(mark) for mark in marks):
                    wanted.setdefault(canonicalize_name(one.name), one.extras)


@cache
def needed_by(package: str) -> list[Requirement]:
    try:
        return [Requirement(line) for line in requires(package) or ()]
    except PackageNotFoundError:
        return []


@pytest.mark.parametrize("name", [*LOCKS, BUILD])
def test_every_locked_package_has_a_hash_and_no_line_names_a_registry(name: str) -> None:
    for block in re.split(r"^(?=\S)", text_of(name), flags=re.M):
        if block.strip() and not block.startswith("#"):
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]
    assert not re.search(r"https?:|file:/|index-url|find-links|trusted-host", text_of(name))


def test_the_bill_of_materials_names_what_is_locked() -> None:
    command = ["-m", "cyclonedx_py", "requirements", "--output-reproducible", "--output-format", "JSON"]
    done = subprocess.run(
        [sys.executable, *command, "requirements.lock"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    materials = json.loads(done.stdout)
    assert materials["bomFormat"] == "CycloneDX"
    assert {canonicalize_name(one["name"]): one["version"] for one in materials["components"]} == locked_in(
        "requirements.lock"
    )
