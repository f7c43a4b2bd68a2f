"""`mystar accounts export` and `erase`."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import click.testing
import pytest

from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import AccountDraft
from mystar.audit.keys import AUDIT
from mystar.audit.model import Entry
from mystar.cli.commands import main
from mystar.cli.context import service
from mystar.settings import Settings
from tests.factory import PASSWORD


def test_the_operator_exports_and_erases_an_account(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def register() -> None:
        async with service(settings, settings.database.url) as app:
            await app[ACCOUNTS].create(AccountDraft("leaving", "leaving@example.com"), PASSWORD)

    async def entries() -> list[Entry]:
        async with service(settings, settings.database.url) as app:
            return await app[AUDIT].tail(20)

    asyncio.run(register())
    run, archive = click.testing.CliRunner().invoke, tmp_path / "leaving.zip"
    exported = run(main, ["accounts", "export", "leaving", "--to", str(archive), "--reason", "A letter"])
    assert exported.exit_code == 0, exported.output
    with zipfile.ZipFile(archive) as packed:
        assert "account.json" in packed.namelist()
    assert run(main, ["accounts", "erase", "leaving@example.com", "--reason", " "]).exit_code == 1
    asked = run(main, ["accounts", "erase", "leaving@example.com", "--reason", "A letter"])
    assert "will be erased after 14 days" in asked.output
    erased = run(main, ["accounts", "erase", "id:1", "--reason", "A letter", "--now"])
    assert (erased.exit_code, erased.output) == (0, "Account 1 is erased.\n")
    assert run(main, ["accounts", "erase", "leaving", "--reason", "A letter"]).exit_code == 1
    written = [(entry.event.action, entry.event.details.get("reason")) for entry in asyncio.run(entries())]
    assert [one for one in written if one[0].startswith(("export", "erasure", "account"))] == [
        ("export_requested", "A letter"),
        ("erasure_requested", "A letter"),
        ("account_erased", None),
    ]
