"""Promises O: operation."""

from __future__ import annotations

from tests.promises.proofs import FULL, Command, Promise, faults, tests

_AWAY = "orders while {} away, slow and failing; then everything arrives"
_STARTS = tests("operations/test_serving.py::test_a_killed_server_starts_again_without_manual_repair")
_WITHOUT = tests(
    "payments/test_provider_failures.py::test_an_unavailable_provider_does_not_delay_requests",
    "files/test_s3.py::TestOutage",
    "kit/test_mail_refusals.py",
    "kit/test_outbox.py",
)
_UNWRITABLE = tests("files/test_unwritable.py", "kit/test_tokens.py::test_a_clock_a_few_seconds_ahead_is_tolerated")
_OUTSIDE = (
    _WITHOUT,
    faults("provider-away", _AWAY.format("the provider is")),
    faults("mail-away", _AWAY.format("the mail server is")),
    faults("bucket-away", _AWAY.format("the bucket is")),
)
_OUTSIDE_FULL = (
    _WITHOUT,
    faults("provider-away", _AWAY.format("the provider is"), full=True),
    faults("mail-away", _AWAY.format("the mail server is"), full=True),
    faults("bucket-away", _AWAY.format("the bucket is"), full=True),
)
_SOAK = ("tests.soak", "--seed", "{seed}", "--minutes")
_MIGRATIONS = tests("kit/postgres/test_migrations.py", "earnings/test_upgrade.py")
_BACKUPS = tests("operations/test_backup.py")
_ALARMS = tests("alarms/test_alarms.py")
_TOLD = "an alarm opens, and one of two processes is killed before, in and after it; then both"
_STANDBY = tests(
    "cluster/test_configuration.py",
    "cluster/test_shared.py",
    "kit/postgres/test_statements.py::test_a_change_on_a_standby_is_an_outage_and_its_connection_is_not_used_again",
)


def _cluster(what: str, *arguments: str) -> Command:
    return Command(what, ("tests.cluster", *arguments, "--seed", "{seed}"), limit=FULL, alone=True)


_ONE = "three services are asked one by one whether they are one"
_WORN = {
    "disk-full": "the disk of the files fills up and becomes read-only, under orders",
    "database-disk-full": "the disk of PostgreSQL fills up under orders",
    "descriptors": "20 descriptors are left under orders and sockets",
    "clock": "the clock of service and PostgreSQL steps an hour on and back, under orders",
    "slow-disk": "every commit of PostgreSQL waits a tenth of a second for its disk",
}

PROMISES = (
    Promise(
        "O1",
        (_STARTS, faults("restarts", "the service is killed and comes back by itself", alone=True)),
        (_STARTS, faults("restarts", "the service is killed 50 times and comes back by itself", full=True, alone=True)),
    ),
    Promise(
        "O2",
        (
            tests("operations/test_outage.py"),
            faults("postgres-away", "PostgreSQL is stopped for 10 s under orders", alone=True),
            faults("postgres-killed", "PostgreSQL is killed under orders", alone=True),
        ),
        (
            faults("postgres-away", "PostgreSQL is stopped for 60 s under orders", full=True, alone=True),
            faults("postgres-killed", "PostgreSQL is killed under orders", full=True, alone=True),
        ),
    ),
    Promise("O3", _OUTSIDE, _OUTSIDE_FULL, only_full="ten minutes of it"),
    Promise(
        "O4",
        (_MIGRATIONS,),
        not_shown="a million rows under load, from each earlier release: there is no earlier release",
    ),
    Promise(
        "O5",
        (_BACKUPS, faults("restore", "a backup under load, restored on an empty machine and checked")),
        (_BACKUPS, faults("restore", "a backup of 1 GB under load, restored and checked", full=True)),
    ),
    Promise(
        "O6",
        (_UNWRITABLE, *(faults(name, what) for name, what in _WORN.items())),
        (_UNWRITABLE, *(faults(name, what, full=True) for name, what in _WORN.items())),
    ),
    Promise(
        "O7",
        (Command("a minute of steady load", (*_SOAK, "1")),),
        (Command("an hour of steady load", (*_SOAK, "60"), limit=FULL),),
        not_shown="an hour is run, not 24",
    ),
    Promise("O8", (tests("operations/test_settings.py", "operations/test_checks.py"),)),
    Promise(
        "O9",
        (_ALARMS, faults("alarms-killed", _TOLD)),
        (_ALARMS, faults("alarms-killed", _TOLD, full=True)),
    ),
    Promise(
        "O10",
        (
            _STANDBY,
            _cluster("each part of a cluster is killed once under load", "kills", "--rounds", "1"),
            _cluster(_ONE, "shared"),
        ),
        (
            _STANDBY,
            _cluster(_ONE, "shared"),
            _cluster("each part of a cluster is killed three times under load", "kills"),
            _cluster("two processes beside one, a quarter of a core each", "scale"),
        ),
        not_shown="machines, disks and networks of their own: all parts run on one machine",
    ),
)
