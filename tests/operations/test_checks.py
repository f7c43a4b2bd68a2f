"""`check --deep` and `mail test`: everything outside is asked, and what fails is named by its setting."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mystar.texts.library import editable
from mystar.texts.samples import preview
from tests.ports import unused_port
from tests.sandbox_process import SandboxProcess
from tests.server_process import run_cli


@pytest.fixture
def variables(dsn: str, sandbox_process: SandboxProcess) -> dict[str, Any]:
    return {
        "DATABASE__URL": dsn,
        "MAIL__HOST": sandbox_process.smtp_host,
        "MAIL__PORT": sandbox_process.smtp_port,
        "PAYMENTS__YOOKASSA__URL": sandbox_process.yookassa,
    }


async def run(directory: Path, *command: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run_cli, *command, directory=directory, **variables)


async def test_a_deep_check_of_a_working_installation_finds_nothing(tmp_path: Path, variables: dict[str, Any]) -> None:
    done = await run(tmp_path, "check", "--deep", **variables)
    assert (done.returncode, done.stdout) == (0, "Everything is in order.\n"), done.stderr
    left = (file.relative_to(tmp_path) for file in (tmp_path / "var").rglob("*") if file.is_file())
    assert not [name for name in left if "check" in str(name)]


async def test_a_deep_check_names_the_setting_of_every_failure(tmp_path: Path, variables: dict[str, Any]) -> None:
    broken = {
        "MAIL__PORT": unused_port(),
        "PAYMENTS__YOOKASSA__SECRET_KEY": "the-key-of-another-shop",
        "LIMITS__ENABLED": "true",
        "LIMITS__URL": f"redis://127.0.0.1:{unused_port()}",
        "HTTP__PUBLIC_URL": "https://no-such-name.invalid",
    }
    done = await run(tmp_path, "check", "--deep", **{**variables, **broken})
    assert done.returncode == 1
    named = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert named == [
        "MYSTAR_MAIL__HOST, __PORT or __START_TLS",
        "MYSTAR_LIMITS__URL",
        "MYSTAR_PAYMENTS__YOOKASSA__SHOP_ID, __SECRET_KEY or __URL",
        "MYSTAR_HTTP__TRUSTED_PROXIES",
        "MYSTAR_HTTP__PUBLIC_URL",
    ]
    assert "the-key-of-another-shop" not in done.stdout, "no value is shown"


async def test_a_check_warns_of_a_forgotten_proxy(tmp_path: Path, variables: dict[str, Any]) -> None:
    done = await run(tmp_path, "check", **{**variables, "HTTP__PUBLIC_URL": "https://stars.example"})
    assert (done.returncode, done.stdout.partition(":")[0]) == (1, "MYSTAR_HTTP__TRUSTED_PROXIES")
    proxied = {"HTTP__PUBLIC_URL": "https://stars.example", "HTTP__TRUSTED_PROXIES": "127.0.0.1"}
    assert (await run(tmp_path, "check", **{**variables, **proxied})).returncode == 0


async def test_a_test_mail_is_sent_or_its_refusal_reported(
    tmp_path: Path, variables: dict[str, Any], sandbox_process: SandboxProcess
) -> None:
    to = "operator@people.example"
    done = await run(tmp_path, "mail", "test", "--to", to, **variables)
    assert (done.returncode, done.stdout) == (0, f"The mail server accepted a mail to {to}.\n"), done.stderr
    await sandbox_process.wait_for_mail(to)
    # Each kind of mail in both languages, to look at in the mailbox.
    done = await run(tmp_path, "mail", "samples", "--to", f"samples-{to}", **variables)
    assert done.returncode == 0, done.stderr
    mails = await sandbox_process.mails(f"samples-{to}")
    names = {name for name in editable() if preview(name)["ru"].html}
    assert {name for name in editable() if name.startswith(("mail.", "notice."))} < names
    assert len(mails) == 2 * len(names)
    assert all(mail["html"] and "{" not in mail["text"] for mail in mails)
    done = await run(tmp_path, "mail", "test", "--to", to, **{**variables, "MAIL__PORT": unused_port()})
    assert done.returncode == 1
    assert "The mail was not accepted" in done.stderr
    assert "Traceback" not in done.stderr
