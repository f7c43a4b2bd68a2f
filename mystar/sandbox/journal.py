"""An append-only file of JSON lines that outlives the process."""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson


class JournalBusy(Exception):
    """Another sandbox writes this journal."""


class JournalBroken(Exception):
    """A line of the journal cannot be read. It was edited, and guessing would falsify the record."""


class Journal:
    """One writer, whole lines, each on the disk before `append` returns.

    Appending blocks the event loop for one fsync on purpose: nothing can happen between a change and its line, so the
    order of the lines is the order of the changes.

    `durable=False` skips the fsync: a killed process loses nothing, a crashed machine may lose the last lines.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._durable = durable
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise JournalBusy(f"{path} belongs to another running sandbox") from error
        self._drop_torn_line()

    def append(self, line: dict[str, Any]) -> None:
        """Write the whole line or nothing: on OSError the file is as it was."""
        content = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            if os.write(self._file, content) < len(content):
                raise OSError(errno.ENOSPC, "only a part of the line was written", str(self.path))
            if self._durable:
                os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, end)
            raise

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(self.path.read_bytes().splitlines(), 1):
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise JournalBroken(f"{self.path}, line {number}: {error}") from error

    def as_json_array(self) -> bytes:
        """All lines as one JSON array, without reading them."""
        return b"[" + b",\n".join(self.path.read_bytes().splitlines()) + b"]"

    def close(self) -> None:
        os.close(self._file)

    def _drop_torn_line(self) -> None:
        """A line without its end was never answered: the change did not happen."""
        content = self.path.read_bytes()
        if not content.endswith(b"\n"):
            os.ftruncate(self._file, content.rfind(b"\n") + 1)
