"""Commands for staff accounts and the audit log; no account has a built-in password."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest
from click.testing import CliRunner, Result

from mystar.accounts.keys import ACCOUNTS, OPERATOR
from mystar.accounts.model import ClientInfo, LoginRefused, PersonUnknown
from mystar.accounts.staff.operator import NoStaff
from mystar.accounts.staff.service import LastOwner
from mystar.audit.keys import AUDIT
from mystar.cli.commands import main
from mystar.cli.context import service
from mystar.errors import Invalid
from mystar.kit.postgres.database import Database
from mystar.kit.security.tokens import TokenRefused
from mystar.settings import Settings
from tests.factory import PASSWORD, Factory
from tests.server_process import ROOT, SECRET_KEY

Command = Callable[..., Result]


@pytest.fixture
def mystar(make_settings: Callable[..., Settings], dsn: str) -> Command:
    """`python -m mystar …` over this test's database, in this process: starting one takes a second."""
    make_settings(SECRET_KEY=SECRET_KEY)

    def run(*arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(main, arguments, input=stdin)

    return run


def test_staff_accounts_are_managed_from_the_command_line(mystar: Command, dsn: str) -> None:
    assert "No staff accounts" in mystar("admin", "list").stdout
    done = mystar("admin", "create", "--username", "vera", "--email", "vera@stars.example", stdin=PASSWORD + "\n")
    assert (done.exit_code, "vera, owner" in done.stdout) == (0, True)
    done = mystar("admin", "disable", "vera")
    assert (done.exit_code, "There has to be an owner." in done.stderr) == (1, True)
    done = mystar("admin", "reset", "VERA", stdin="Another-Good-1-Word\n")
    assert (done.exit_code, "has a new password" in done.stdout) == (0, True)
    assert re.search(r"owner +vera +vera@stars.example$", mystar("admin", "list").stdout.strip())
    said = mystar("audit", "tail").stdout
    assert [line.split()[2] for line in said.splitlines()] == ["role_changed", "sessions_ended", "password_changed"]
    assert "command line" in said
    assert PASSWORD not in said
    done = mystar("audit", "verify")
    assert (done.exit_code, done.stdout) == (0, "The audit log is intact.\n")
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("alter table audit_entries disable trigger all")
        cursor.execute("update audit_entries set details = '{}' where id = 2")
    done = mystar("audit", "verify")
    assert (done.exit_code, "row 2 (number 2 of chain 1)" in done.stdout) == (1, True)


def test_the_operator_resets_the_factors_of_an_owner_who_has_lost_them(mystar: Command, dsn: str) -> None:
    mystar("admin", "create", "--username", "vera", stdin=PASSWORD + "\n")
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into second_factors (account_id, kind, name, sealed, last_step, created_at) "
            "select id, 'totp', 'Phone', 'x', 0, now() from accounts"
        )
        cursor.execute("update accounts set has_second_factor = true")
    done = mystar("accounts", "reset-factors", "VERA")
    assert (done.exit_code, done.stdout) == (0, "vera (1) has no second factors any more.\n"), done.output
    for login in ("vera", "boris"):
        done = mystar("accounts", "reset-factors", login)
        assert (done.exit_code, done.stderr[:7]) == (1, "Error: "), done.stderr
    said = mystar("audit", "tail").stdout
    assert [line.split()[2] for line in said.splitlines()][-2:] == ["factors_dropped", "sessions_ended"]
    assert "command line" in said


async def test_the_last_owner_cannot_be_disabled_or_lose_the_role(settings: Settings, dsn: str) -> None:
    async with service(settings, dsn) as app:
        factory, staff = Factory(app), app[OPERATOR]
        first = await factory.staff("owner")
        person = await factory.person("pavel")
        for action in (staff.disable(first.username), staff.set_role(first.username, "viewer")):
            with pytest.raises(LastOwner):
                await action
        assert (await staff.set_role("pavel", "owner")).role == "owner"
        assert not (await staff.disable(first.username)).is_active
        # A disabled account is no owner: again there is only one.
        with pytest.raises(LastOwner):
            await staff.set_role(person.username, None)
        assert (await staff.enable(first.username)).is_active
        assert (await staff.set_role("pavel", None)).role is None
        assert [one.username for one in await staff.staff()] == [first.username]
        roles = [one.event.details for one in await app[AUDIT].tail(100) if one.event.action == "role_changed"]
        assert roles[-2:] == [{"before": None, "after": "owner"}, {"before": "owner", "after": None}]


async def test_a_password_reset_ends_all_sessions(settings: Settings, dsn: str) -> None:
    async with service(settings, dsn) as app:
        operator, accounts = await Factory(app).staff("operator"), app[ACCOUNTS]
        with pytest.raises(Invalid):
            await app[OPERATOR].reset(operator.username, "12345")
        await app[OPERATOR].reset(operator.email, "Another-Good-1-Word")
        with pytest.raises(TokenRefused):
            await accounts.authenticate(operator.token)
        with pytest.raises(LoginRefused):
            await accounts.log_in(ClientInfo(), "market", operator.username, PASSWORD)
        await accounts.log_in(ClientInfo(), "market", operator.username, "Another-Good-1-Word")


async def test_staff_commands_refuse_accounts_that_are_not_staff(settings: Settings, dsn: str) -> None:
    async with service(settings, dsn) as app:
        person, staff = await Factory(app).person(), app[OPERATOR]
        for action in (
            staff.disable(person.username),
            staff.enable(person.username),
            staff.reset(person.username, "Another-Good-1-Word"),
        ):
            with pytest.raises(NoStaff):
                await action
        for action in (staff.disable("nobody"), staff.set_role("nobody", "owner")):
            with pytest.raises(PersonUnknown):
                await action


async def test_neither_migrations_nor_settings_create_an_account(db: Database) -> None:
    assert await db.value("select count(*) from accounts") == 0
    shipped = [
        f"{file.name}: {line}"
        for folder in ("config", "deploy", "sql")
        for file in sorted((ROOT / folder).rglob("*.*"))
        for line in file.read_text(errors="replace").splitlines()
        if re.search(r"(password|secret(_key)?)\w*\s*=\s*\"?[^\s\"#\d]", line, re.IGNORECASE)
        # Keys of the sandbox, which are not secret, and addresses of pages.
        and "sandbox" not in line
        and "{token}" not in line
        and not line.lstrip().startswith(("#", "--"))
    ]
    assert not [line for line in shipped if "change" not in line.lower()], shipped
