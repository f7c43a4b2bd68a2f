"""What is installed from a wheel, far from any checkout, can do what the checkout can."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.server_process import ROOT, environment, server_in

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that another account may pass: to it root lends the embedded PostgreSQL."""
    directory = Path(tempfile.mkdtemp(prefix="mystar-wheel-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def wheel(place: Path) -> Path:
    source = place / "source"
    for name in ("mystar", "config", "sql"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(place), str(source))
    (wheel,) = place.glob("mystar-*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(place: Path, wheel: Path) -> Path:
    """The interpreter of an environment with the wheel and what it asks for, and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
    python = place / "venv" / "bin" / "python"
    pip(str(python), "install", "--no-compile", str(wheel))
    return python


def pip(python: str, *arguments: str) -> None:
    command = [python, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def mystar(python: Path, directory: Path, *arguments: str, **variables: object) -> str:
    settings = environment(directory, **variables)
    del settings["PYTHONPATH"]
    done = subprocess.run(
        [str(python), "-m", "mystar", *arguments],
        cwd=directory,
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_all_that_is_not_code_and_none_of_the_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shared = {name.partition("/share/mystar/")[2] for name in names}
    checkout = {file.relative_to(ROOT) for pattern in ("config/*.toml", "sql/**/*.sql") for file in ROOT.glob(pattern)}
    assert {str(file) for file in checkout} <= shared
    data = [file for file in (ROOT / "mystar").rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")]
    missing = {str(file.relative_to(ROOT)) for file in data if file.suffix != ".md"} - names
    assert not missing
    assert not [name for name in names if name.startswith("tests")]


async def test_it_migrates_and_serves_on_a_database_of_its_own(python: Path, place: Path) -> None:
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


def test_it_migrates_the_database_that_it_is_given(python: Path, place: Path, empty_dsn: str) -> None:
    variables = {"DATABASE__URL": empty_dsn}
    assert "0001_accounts" in mystar(python, place, "migrate", **variables)
    assert mystar(python, place, "migrate", **variables) == "The schema is up to date.\n"
    assert "in order" in mystar(python, place, "check", **variables)
    with server_in(place, python=python, **variables) as server:
        assert server.stop() == 0


def test_its_command_is_on_the_path(python: Path, place: Path) -> None:
    done = subprocess.run(
        [str(python.with_name("mystar")), "--version"],
        cwd=place,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("mystar, version ")
