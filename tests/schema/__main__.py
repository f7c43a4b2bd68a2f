"""Migrates a database of a million rows in each large table while others read and write: who waits, how long?

    python -m tests.schema                   # from the first schema that served; prints a line for each migration
    python -m tests.schema --rows 100000

Between two migrations the watchers' own slowness is measured and printed. Exit code 1 if somebody waited longer than a
second for a migration that does not stand in `EARLIER`.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

from mystar.kit.postgres import migrations
from mystar.kit.postgres.embedded import EmbeddedPostgres
from mystar.kit.postgres.migration_plan import read
from tests.database import reachable_directory
from tests.schema.locks import Watch
from tests.schema.rows import LARGE_SERVER, ROWS, fill

#: The first schema with all large tables.
FIRST = "0020_admin"
#: The last migration that goes through tables of before while it holds their locks. The promise holds after it.
EARLIER = "0042_conversation_slots"
#: Seconds that a reader or a writer may wait.
PROMISED = 1.0


def measured(dsn: str, files: list[Path], tables: list[str]) -> dict[str, tuple[float, float, str]]:
    """By the name of the migration: its seconds, the longest wait of another, and what waited."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, Watch(dsn, tables).watching() as watch:
        for file in files:
            shutil.copy(file, folder)
            if file.stem in migrations.pending(dsn, Path(folder)):
                watch.longest()
                began = time.monotonic()
                migrations.migrate(dsn, Path(folder))
                # Who waits at the end is counted when it has been served.
                taken = time.monotonic() - began
                time.sleep(0.1)
                found[file.stem] = (taken, *watch.longest())
        time.sleep(1)
        found["without a migration"] = (1.0, *watch.longest())
    return found


def _first_schema(dsn: str, files: list[Path]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            if file.stem <= FIRST:
                shutil.copy(file, folder)
        migrations.migrate(dsn, Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.schema", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="in each large table (default 1000000)")
    given = parser.parse_args()
    files = sorted(migrations.folder().glob("*.sql"))
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(reachable_directory("mystar-bench-"))
        embedded = EmbeddedPostgres(directory, LARGE_SERVER).start()
        stack.callback(embedded.stop)
        embedded.create_database("mystar")
        dsn = embedded.dsn("mystar")
        _first_schema(dsn, files)
        began = time.monotonic()
        fill(dsn, given.rows)
        print(f"{given.rows:,} rows of each in {time.monotonic() - began:.0f} s", flush=True)
        found = measured(dsn, files, list(ROWS))
    broken = []
    for name, (taken, waited, what) in found.items():
        goes_through = " goes through a table" if name[:4].isdigit() and read(_file(files, name)).scans else ""
        print(f"{name:30} {taken:7.2f} s, longest wait {waited:6.2f} s {what}{goes_through}")
        if waited > PROMISED and name > EARLIER:
            broken.append(name)
    print(
        f"after {EARLIER}: {', '.join(broken) or 'nobody'} {'made others wait' if broken else 'waited'} over a second"
    )
    sys.exit(bool(broken))


def _file(files: list[Path], name: str) -> Path:
    return next(file for file in files if file.stem == name)


if __name__ == "__main__":
    main()
