"""`requirements.lock`: the packages of the image fit setup.cfg and have hashes; no line says where they came from."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
LOCKED = {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", LOCK, re.M)}
AGAIN = "run scripts/lock"


def declared() -> list[Requirement]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options"]["install_requires"] + config["options.extras_require"]["heic"]
    return [Requirement(line) for line in lines.splitlines() if line and not line.startswith("#")]


def test_the_lock_satisfies_setup_cfg() -> None:
    for one in declared():
        locked = LOCKED.get(canonicalize_name(one.name))
        assert locked is not None, f"{one.name} is not locked: {AGAIN}"
        assert one.specifier.contains(locked, prereleases=True), f"{one}, but {locked} is locked: {AGAIN}"


def test_the_lock_has_everything_that_its_packages_need_on_the_python_of_the_image() -> None:
    python = re.search(r"^FROM python:([\d.]+)-slim$", (ROOT / "Dockerfile").read_text(), re.M)
    assert python is not None
    environment = {**default_environment(), "python_version": python[1], "python_full_version": f"{python[1]}.0"}
    wanted, known = {canonicalize_name(one.name): one.extras for one in declared()}, set[str]()
    while todo := wanted.keys() - known:
        name = todo.pop()
        known.add(name)
        assert name in LOCKED, f"{name} is not locked: {AGAIN}"
        try:
            needed = [Requirement(line) for line in requires(name) or ()]
        except PackageNotFoundError:
            continue
        for one in needed:
            marks = [{**environment, "extra": extra} for extra in ("", *wanted[name])]
            if one.marker is None or any(one.marker.evaluate(mark) for mark in marks):
                wanted.setdefault(canonicalize_name(one.name), one.extras)


def test_every_locked_package_has_a_hash_and_no_line_names_a_registry() -> None:
    for block in re.split(r"^(?=\S)", LOCK, flags=re.M):
        if block.strip() and not block.startswith("#"):
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]
    assert not re.search(r"https?:|file:|index-url|find-links|trusted-host", LOCK)


def test_the_bill_of_materials_names_what_is_locked() -> None:
    command = ["-m", "cyclonedx_py", "requirements", "--output-reproducible", "--output-format", "JSON"]
    done = subprocess.run(
        [sys.executable, *command, "requirements.lock"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    materials = json.loads(done.stdout)
    assert materials["bomFormat"] == "CycloneDX"
    assert {canonicalize_name(one["name"]): one["version"] for one in materials["components"]} == LOCKED
