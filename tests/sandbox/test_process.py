import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import aiohttp
import orjson
import pytest

from tests import programs
from tests.sandbox.conftest import DRAFT, SHOP
from tests.sandbox_process import ROOT, SandboxProcess, sandbox_in
from tests.waiting import first_line


async def _create(sandbox: SandboxProcess, key: str) -> dict:
    call = {"json": DRAFT, "headers": {"Idempotence-Key": key, "Authorization": SHOP}}
    async with aiohttp.ClientSession() as session, session.post(f"{sandbox.yookassa}/payments", **call) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_payments_survive_a_kill(tmp_path: Path) -> None:
    with sandbox_in(tmp_path) as sandbox:
        held, pending = await _create(sandbox, "one"), await _create(sandbox, "two")
        await sandbox.pay(held["id"])
        before, lines = await sandbox.payments(), await sandbox.journal()

        sandbox.restart()

        assert await sandbox.payments() == before
        assert await sandbox.journal() == lines
        assert await _create(sandbox, "two") == pending
        assert [line["kind"] for line in lines] == ["payment.created", "payment.created", "payment.held"]


async def test_an_incomplete_line_of_the_journal_is_dropped(tmp_path: Path) -> None:
    with sandbox_in(tmp_path) as sandbox:
        await _create(sandbox, "one")
        lines = await sandbox.journal()
        sandbox.kill()
        with (tmp_path / "money.jsonl").open("ab") as journal:
            journal.write(b'{"number":2,"kind":"payment.he')

        sandbox.start()

        assert await sandbox.journal() == lines


async def test_all_tests_share_one_sandbox(sandbox_process: SandboxProcess) -> None:
    payment = await _create(sandbox_process, str(uuid.uuid4()))

    await sandbox_process.pay(payment["id"])

    assert (await sandbox_process.find_payment(**DRAFT["metadata"]))["status"] == "waiting_for_capture"
    assert sandbox_process.smtp_port != int(sandbox_process.http.rpartition(":")[2])


def test_the_sandbox_publishes_its_addresses_and_stops_cleanly(tmp_path: Path) -> None:
    sandbox = SandboxProcess(tmp_path).start()
    addresses = orjson.loads((tmp_path / "sandbox.json").read_bytes())

    assert addresses["http"] == sandbox.http
    assert addresses["yookassa"] == f"{sandbox.http}/yookassa/v3"
    assert addresses["smtp"] == f"{sandbox.smtp_host}:{sandbox.smtp_port}"
    assert sandbox.stop() == 0
    assert not (tmp_path / "sandbox.json").exists()


def test_an_interrupt_stops_the_sandbox_cleanly(tmp_path: Path) -> None:
    assert SandboxProcess(tmp_path).start().stop(signal.SIGINT) == 0


def test_two_sandboxes_do_not_share_a_journal(tmp_path: Path) -> None:
    with sandbox_in(tmp_path):
        second = _run("--data-dir", str(tmp_path), "--http-port", "0", "--smtp-port", "0")

    assert second.returncode == 1
    assert "another running sandbox" in second.stderr


def test_a_corrupt_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "money.jsonl").write_text("{}\nnonsense\n")

    answer = _run("--data-dir", str(tmp_path), "--http-port", "0", "--smtp-port", "0")

    assert answer.returncode == 1
    assert "money.jsonl, line 1" in answer.stderr


def test_help_names_every_option() -> None:
    answer = _run("--help")

    assert answer.returncode == 0
    for option in (
        "--http-port",
        "--smtp-port",
        "--data-dir",
        "--webhook-url",
        "--shop-id",
        "--agent-id",
        "--die-with-parent",
    ):
        assert option in answer.stdout


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's help is Linux only")
def test_the_sandbox_ends_with_its_parent(tmp_path: Path) -> None:
    start = (
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-m', 'mystar.sandbox', '--die-with-parent',"
        f" '--http-port', '0', '--smtp-port', '0', '--data-dir', {str(tmp_path)!r}]); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    with parent.stdout:
        assert first_line(parent, 60)
        parent.kill()
        parent.wait(10)
        # The sandbox holds the other end of the pipe: its end is our end of file.
        assert parent.stdout.read() == b""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return programs.run("mystar.sandbox", *arguments, directory=ROOT, environment=os.environ)
