"""Faults of operation."""

from __future__ import annotations

from tests.promises.planting import Fault

FAULTS = (
    Fault(
        "no-second-start",
        "O1",
        "mystar/server.py",
        "    require_current(dsn)\n",
        "    require_current(dsn)\n"
        '    mark = settings.data_dir / "running"\n'
        "    if mark.exists():\n"
        '        raise SystemExit("it runs already")\n'
        "    mark.parent.mkdir(parents=True, exist_ok=True)\n"
        "    mark.touch()\n",
        ("tests/operations/test_serving.py::test_a_killed_server_starts_again_without_manual_repair",),
    ),
    Fault(
        "ready-without-a-database",
        "O2",
        "mystar/contracts/system.py",
        '            await request.app[DATABASE].value("select 1")',
        "            pass",
        ("tests/operations/test_outage.py",),
    ),
    Fault(
        "mails-overtake-each-other",
        "O3",
        "mystar/kit/outbox/queries.sql",
        "where earlier.topic = outbox.topic and earlier.lane = outbox.lane and earlier.id < outbox.id",
        "where earlier.topic = outbox.topic and earlier.lane = outbox.lane and earlier.id < 0",
        ("tests/kit/test_mail_refusals.py::test_mails_to_one_recipient_arrive_in_their_order_after_an_outage",),
    ),
    Fault(
        "a-full-disk-is-a-defect",
        "O6",
        "mystar/kit/storage/local.py",
        "        if error.errno not in _FULL | _UNUSABLE | (_NO_FOLDER if writing else set()):\n            raise",
        "        raise",
        ("tests/files/test_unwritable.py",),
    ),
    Fault(
        "memory-is-never-freed",
        "O7",
        "mystar/kit/web/observability.py",
        '    given = request.headers.get("X-Request-ID", "")',
        "    globals().setdefault('_kept', []).append(bytes(50_000))\n"
        '    given = request.headers.get("X-Request-ID", "")',
        ("python -m tests.soak --minutes 1",),
    ),
    Fault(
        "migrations-without-their-record",
        "O4",
        "mystar/kit/postgres/migrations.py",
        "            self.mark_one(migration, log=False)",
        "            pass",
        ("tests/kit/postgres/test_migrations.py",),
    ),
    Fault(
        "a-damaged-backup-passes",
        "O5",
        "mystar/backup/backups.py",
        "            return [] if await _digest(chunks) == sha256 else",
        "            return [] if await _digest(chunks) else",
        ("tests/operations/test_backup.py::test_a_damaged_backup_and_a_wrong_key_are_reported",),
    ),
    Fault(
        "development-keys-in-production",
        "O8",
        "mystar/settings.py",
        "    yield from _production_weaknesses(settings)\n",
        "",
        ("tests/operations/test_settings.py",),
    ),
    Fault(
        "alarms-are-mailed-afterwards",
        "O9",
        "mystar/alarms/service.py",
        "            async with self._db.transaction() as tx:\n                await self._judge(tx, facts)\n",
        "            told = []\n\n"
        "            async def keep(_: Tx, *what: Sequence[Alarm]) -> None:\n"
        "                told.append(what)\n\n"
        "            self._tell = keep\n"
        "            async with self._db.transaction() as tx:\n"
        "                await self._judge(tx, facts)\n"
        "            for what in told:\n"
        "                async with self._db.transaction() as tx:\n"
        "                    await type(self)._tell(self, tx, *what)\n",
        ("python -m tests.promises.faults alarms-killed",),
    ),
    Fault(
        "a-standby-is-a-defect",
        "O10",
        "mystar/kit/postgres/errors.py",
        ", errorcodes.QUERY_CANCELED, errorcodes.READ_ONLY_SQL_TRANSACTION)",
        ", errorcodes.QUERY_CANCELED)",
        (
            "tests/kit/postgres/test_statements.py"
            "::test_a_change_on_a_standby_is_an_outage_and_its_connection_is_not_used_again",
        ),
    ),
)
