"""The scenarios by their names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from tests.promises.faults import alarms, backup, database, external_services, machine, scanners
from tests.promises.faults.environment import Environment

SCENARIOS: Mapping[str, Callable[[Environment], Awaitable[None]]] = {
    "restarts": machine.restarts,
    "postgres-away": database.postgres_away,
    "postgres-killed": database.postgres_killed,
    "database-disk-full": database.database_disk_full,
    "slow-disk": database.slow_disk,
    "redis-killed": machine.redis_killed,
    "alarms-killed": alarms.alarms_killed,
    "provider-away": external_services.provider_away,
    "provider-lies": external_services.provider_lies,
    "mail-away": external_services.mail_away,
    "bucket-away": external_services.bucket_away,
    "disk-full": machine.disk_full,
    "descriptors": machine.descriptors,
    "clock": machine.clock,
    "restore": backup.restore,
    "fuzz": scanners.fuzz,
    "scanners": scanners.scan,
}
