"""Whether three services are one: limits, idempotency, sessions, kept answers, sockets and background jobs.

The services are asked one by one, not through nginx, so that it is known which one answers. How often a service looks
for itself is set far up, so that it is Redis that brings news.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from tests.cluster.cluster import running
from tests.cluster.findings import Finding
from tests.cluster.kills import LIMITS
from tests.cluster.shared_jobs import deadlines, digests, mails
from tests.cluster.shared_sessions import blocks, log_outs
from tests.cluster.shared_site import Site, site_of
from tests.cluster.shared_state import ALLOWED, kept_answers, keys, limits, messages
from tests.promises.faults.environment import busy, is_busy
from tests.promises.proofs import NOT_JUDGED

HEAD = """\
| what | figure | result |
| --- | --- | --- |"""
SETTINGS: Mapping[str, object] = {
    "LIMITS__ENABLED": "true",
    **LIMITS,
    "LIMITS__MESSAGE": f"{ALLOWED}/hour",
    "SOCKETS__RECHECK_SECONDS": 60,
    "SOCKETS__SWEEP_SECONDS": 60,
    "ORDERS__CHECK_SECONDS": 1,
    "NOTIFICATIONS__DIGEST_MINUTES": 0.05,
}
CHECKS: Sequence[Callable[[Site], Awaitable[list[Finding]]]] = (
    mails,
    limits,
    keys,
    kept_answers,
    messages,
    log_outs,
    blocks,
    deadlines,
    digests,
)


async def run_shared(seed: int, show: Callable[[str], None]) -> list[str]:
    """What is wrong. :param show: is given each line as soon as it is known."""
    problems = []
    async with running(**SETTINGS) as cluster, site_of(cluster, seed) as site:
        for check in CHECKS:
            for finding in await check(site):
                is_late = finding.late and is_busy()
                show(f"{finding}{f' ({NOT_JUDGED}: {busy()})' if is_late else ''}")
                problems += [f"{finding.what}: {one}" for one in (*finding.wrong, *(() if is_late else finding.late))]
    return problems
