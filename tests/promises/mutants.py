"""Faults of which each breaks one promise, and the checks that must notice it.

A fault is a change of one place of the source. A test of the suite sees to it that each still fits, and that each
promise has one; `python -m tests.promises --mutants` plants them all.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.promises.planted import files, money, operation, realtime, security
from tests.promises.planting import Fault

FAULTS: Mapping[str, Fault] = {
    fault.name: fault for group in (money, realtime, security, files, operation) for fault in group.FAULTS
}
