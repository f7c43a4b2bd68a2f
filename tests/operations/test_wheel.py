"""The service installed from a wheel works without a checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import aiohttp
import pytest
from packaging.requirements import Requirement

from tests.server_process import ROOT, environment, server_in

pytestmark = pytest.mark.wheel


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that another account may enter, since under root the embedded PostgreSQL runs as one."""
    directory = Path(tempfile.mkdtemp(prefix="mystar-wheel-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


async def test_what_the_wheel_installs_migrates_and_serves(place: Path, empty_dsn: str) -> None:
    """One test, since building and installing take most of its time."""
    wheel = built_wheel(place)
    holds_data_and_no_tests(wheel)
    python = installed(wheel, place)
    await serves_on_a_database_of_its_own(python, place)
    migrates_the_database_that_it_is_given(python, place, empty_dsn)


def built_wheel(place: Path) -> Path:
    source = place / "source"
    for name in ("mystar", "config", "sql"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(place), str(source))
    (wheel,) = place.glob("mystar-*.whl")
    return wheel


def installed(wheel: Path, place: Path) -> Path:
    """The interpreter of an environment with the wheel and what it asks for, and nothing else."""
    environment = place / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", "--no-index", "--no-compile", str(wheel))
    (packages,) = environment.glob("lib/python*/site-packages")
    (ours,) = metadata.distributions(name="mystar", path=[str(packages)])
    for requirement in ours.requires or ():
        link(Requirement(requirement), packages, extras=set())
    return python


def link(requirement: Requirement, packages: Path, extras: set[str]) -> None:
    """Link the required distribution, and what it requires in turn, from the environment of the tests."""
    markers = [{"extra": extra} for extra in extras or {""}]
    if requirement.marker and not any(map(requirement.marker.evaluate, markers)):
        return
    found = metadata.distribution(requirement.name)
    assert requirement.specifier.contains(found.version), f"{requirement}, but {found.version} is installed"
    names = {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}
    missing = [name for name in names if not (packages / name).exists()]
    for name in missing:
        (packages / name).symlink_to(found.locate_file(name))
    if missing or requirement.extras:
        for further in found.requires or ():
            link(Requirement(further), packages, requirement.extras)


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def mystar(python: Path, directory: Path, *arguments: str, **variables: object) -> str:
    settings = environment(directory, **variables)
    del settings["PYTHONPATH"]
    done = subprocess.run(
        [str(python.with_name("mystar")), *arguments],
        cwd=directory,
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def holds_data_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shared = {name.partition("/share/mystar/")[2] for name in names}
    checkout = {file.relative_to(ROOT) for pattern in ("config/*.toml", "sql/**/*.sql") for file in ROOT.glob(pattern)}
    assert {str(file) for file in checkout} <= shared
    data = [file for file in (ROOT / "mystar").rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")]
    missing = {str(file.relative_to(ROOT)) for file in data if file.suffix != ".md"} - names
    assert not missing
    assert not [name for name in names if name.startswith("tests")]


async def serves_on_a_database_of_its_own(python: Path, place: Path) -> None:
    data = {"DATA_DIR": place / "embedded"}
    assert "0001_accounts" in mystar(python, place, "migrate", **data)
    with server_in(place, python=python, **data) as server:
        async with aiohttp.ClientSession(server.url) as session:
            for path in ("/readyz", "/api/categories/", "/swagger/", "/swagger/swagger-ui-bundle.js"):
                async with session.get(path) as answer:
                    assert answer.ok, path
            async with session.get("/payments/?order_id=1&sig=x", headers={"Accept": "text/html"}) as page:
                assert "<html" in await page.text(), "templates are there"
        assert server.stop() == 0


def migrates_the_database_that_it_is_given(python: Path, place: Path, empty_dsn: str) -> None:
    variables = {"DATABASE__URL": empty_dsn}
    assert "0001_accounts" in mystar(python, place, "migrate", **variables)
    assert "in order" in mystar(python, place, "check", **variables)
