"""All promises, in the order of docs/promises.md."""

from __future__ import annotations

from collections.abc import Mapping

from tests.promises.proofs import Promise
from tests.promises.shown import files, money, operation, realtime, security

PROMISES: Mapping[str, Promise] = {
    promise.number: promise
    for promise in (
        *money.PROMISES,
        *realtime.PROMISES,
        *security.PROMISES,
        *files.PROMISES,
        *operation.PROMISES,
    )
}
