"""A file that remembers how long the chains were, apart from the database that could be swapped for an older one."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import orjson

from mystar.kit.security.tokens import Signer

log = logging.getLogger(__name__)

_PURPOSE = "audit witness"


class CheckpointFile:
    """Lengths and last hashes by chain. Blocks: call it in a thread."""

    def __init__(self, path: Path, signer: Signer) -> None:
        self._path, self._signer = path, signer

    def read(self) -> dict[int, tuple[int, bytes]]:
        """Nothing when there is no file; one that is not ours is not believed."""
        try:
            data = orjson.loads(self._path.read_bytes())
            chains, seal = data["chains"], str(data["seal"])
            if self._signer.verify(seal, _PURPOSE, _text(chains)):
                return {int(chain): (int(length), bytes.fromhex(last)) for chain, (length, last) in chains.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("the witness of the audit log cannot be read: %r", error)
            return {}
        log.warning("the witness of the audit log is not signed by us: %s", self._path)
        return {}

    def write(self, chains: Mapping[int, tuple[int, bytes]]) -> None:
        """All or nothing, also when the machine stops in the middle."""
        plain = {str(chain): [length, last.hex()] for chain, (length, last) in chains.items()}
        document = {"chains": plain, "seal": self._signer.sign(_PURPOSE, _text(plain))}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(f".{os.getpid()}.new")
        new.write_bytes(orjson.dumps(document))
        new.replace(self._path)


def _text(chains: object) -> str:
    return orjson.dumps(chains, option=orjson.OPT_SORT_KEYS).decode()
