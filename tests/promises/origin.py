"""Where a row of a table comes from: commit, day, and how much the machine had to do."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime

from tests.programs import ROOT


def commit() -> str:
    """Of the working tree, as git abbreviates it; with a plus where it differs from that commit, but for documents."""
    changed = _git("status", "--porcelain", "--", ".", ":!docs")
    return _git("rev-parse", "--short=7", "HEAD") + ("+" if changed else "")


def origin(revision: str, load: float) -> str:
    """:param load: the highest load average of a minute that was seen meanwhile."""
    return f"{revision}, {datetime.now(UTC):%Y-%m-%d}, load {load:.1f}"


def load() -> float:
    """The processes that wanted a core in the last minute, on average."""
    return os.getloadavg()[0]


def is_busy() -> bool:
    """Whether a time that is measured now says more of the machine than of the service."""
    return load() > 2.0 * (os.cpu_count() or 1)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "no commit"
