"""The checkpoint: a file with the length of every chain, kept outside the database, so that old copies are noticed."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import orjson

from mystar.kit.security.tokens import Signer

log = logging.getLogger(__name__)

#: Part of every signature that was written before; files stay readable.
_PURPOSE = "audit witness"


class CheckpointFile:
    """Length and last hash of each chain. Blocks: call it in a thread."""

    def __init__(self, path: Path, signer: Signer) -> None:
        self._path, self._signer = path, signer

    def read(self) -> dict[int, tuple[int, bytes]]:
        """Empty when there is no file; a file with a wrong signature is ignored, with a warning."""
        try:
            data = orjson.loads(self._path.read_bytes())
            chains, seal = data["chains"], str(data["seal"])
            if self._signer.verify(seal, _PURPOSE, _canonical(chains)):
                return {int(chain): (int(length), bytes.fromhex(last)) for chain, (length, last) in chains.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("cannot read the checkpoint of the audit log: %r", error)
            return {}
        log.warning("the checkpoint of the audit log has a wrong signature: %s", self._path)
        return {}

    def write(self, chains: Mapping[int, tuple[int, bytes]]) -> None:
        """Replaces the file atomically."""
        plain = {str(chain): [length, last.hex()] for chain, (length, last) in chains.items()}
        document = {"chains": plain, "seal": self._signer.sign(_PURPOSE, _canonical(plain))}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(f".{os.getpid()}.new")
        new.write_bytes(orjson.dumps(document))
        new.replace(self._path)


def _canonical(chains: object) -> str:
    return orjson.dumps(chains, option=orjson.OPT_SORT_KEYS).decode()
