"""Native parsers run in child processes with limits: a hostile file costs its sender, not the service (D38)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mystar.files.decoder import pool
from mystar.files.decoder.job import Job
from tests.conftest import Api
from tests.factory import Factory, Person, picture
from tests.files import bombs
from tests.files.uploading import form
from tests.subtests import as_subtests
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
UPLOAD, AVATAR = "/api/v1/files/upload/", "/api/upload/avatar/"
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "film.mp4": (lambda: bombs.film(60_000_000), "There is no video in this file."),
    "frames.gif": (lambda: bombs.gif(100_000), "The animation has too many frames."),
    "frame-too-many.gif": (lambda: bombs.gif(201), "The animation has too many frames."),
    "scans.jpg": (lambda: bombs.scans(1200), "The JPEG has too many scans."),
    "scan-too-many.jpg": (lambda: bombs.scans(100), "The JPEG has too many scans."),
    "points.png": (lambda: bombs.plane("PNG", 7000), "The picture has too many pixels."),
    "points.avif": (lambda: bombs.plane("AVIF", 5001), "The picture has too many pixels."),
    "points.webp": (lambda: bombs.plane("WEBP", 5001), "The picture has too many pixels."),
}


@pytest.fixture
async def anna(factory: Factory) -> Person:
    return await factory.person()


@as_subtests
@pytest.mark.parametrize("name", BOMBS)
async def test_a_file_that_costs_too_much_is_refused(api: Api, anna: Person, name: str) -> None:
    make, words = BOMBS[name]
    answer = await api.post(UPLOAD, data=form(file=(name, make())), as_=anna, language="en")
    assert (answer.status, (await answer.json())["errors"]) == (422, {"file": [words]})


@as_subtests
@pytest.mark.parametrize(
    ("name", "content"),
    [("frames.gif", bombs.gif(200)), ("scans.jpg", bombs.scans(99)), ("points.png", bombs.plane("PNG", 5000))],
)
async def test_files_within_the_limits_are_accepted(api: Api, anna: Person, name: str, content: bytes) -> None:
    answer = await api.post(AVATAR, data=form(image=(name, content)), as_=anna)
    assert answer.status == 201, await answer.text()


def test_a_worker_that_takes_too_much_memory_refuses_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bombs.plane("WEBP", 9000))
    assert _decoded(Job(str(tmp_path / "a"), "WEBP", max_pixels=10**9, max_frames=1)).refusal in (
        "too_costly",
        "broken",
    )
    (tmp_path / "b").write_bytes(picture())
    assert _decoded(Job(str(tmp_path / "b"), "JPEG", max_pixels=10**9, max_frames=1)).refusal is None


def _decoded(job: Job) -> pool.Result:
    return asyncio.run(pool.POOL.run("anna", job))


def test_a_worker_that_was_killed_is_started_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(picture())
    job = Job(str(tmp_path / "a"), "JPEG", max_pixels=10**9, max_frames=1)
    for _ in range(3):
        assert _decoded(job).refusal is None
        for worker in _workers_of(os.getpid()):
            os.kill(worker, signal.SIGKILL)


def _workers_of(parent: int) -> list[int]:
    """Processes of the decoder that this process has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(parent)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "mystar.files.decoder" in line]


_ONE_JOB = """
import asyncio, os, sys
from mystar.files.decoder.job import Job
from mystar.files.decoder.pool import POOL
asyncio.run(POOL.run("anna", Job(sys.argv[1], "JPEG", max_pixels=10**9, max_frames=1)))
print(os.getpid(), flush=True)
sys.stdin.read()
"""


def test_a_worker_ends_with_the_service(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(picture())
    command = (sys.executable, "-c", _ONE_JOB, str(tmp_path / "a"))
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as service:
        assert service.stdout is not None
        assert service.stdout.readline()
        (worker,) = _workers_of(service.pid)
        service.kill()

    async def is_gone() -> bool:
        return not _is_running(worker)

    assert asyncio.run(eventually(is_gone))


def _is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_service_itself_imports_no_parser() -> None:
    program = "import sys, mystar.server, mystar.cli.commands; print({'PIL', 'av', 'pillow_heif'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


async def test_one_account_decodes_one_file_at_a_time_and_delays_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large").write_bytes(bombs.plane("PNG", 4900))
    (tmp_path / "small").write_bytes(picture())
    begun: list[str] = []
    running: Counter[str] = Counter()
    run, decoders = pool._Worker.run, pool.DecoderPool()

    def watched(worker: Any, job: Job) -> Any:
        name = Path(job.path).name
        begun.append(name)
        running[name] += 1
        assert running["large"] <= 1
        try:
            return run(worker, job)
        finally:
            running[name] -= 1

    monkeypatch.setattr(pool._Worker, "run", watched)

    async def decode(person: str, name: str, format_: str) -> None:
        await decoders.run(person, Job(str(tmp_path / name), format_, max_pixels=25_000_000, max_frames=1))

    def anna() -> Awaitable[None]:
        return decode("anna", "large", "PNG")

    try:
        await asyncio.gather(anna(), anna(), anna(), decode("boris", "small", "JPEG"), decode("vera", "small", "JPEG"))
    finally:
        decoders.close()
    assert sorted(begun[:2]) == ["large", "small"]
    assert begun[2:] == ["small", "large", "large"]
