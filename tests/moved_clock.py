"""Runs the service or the sandbox with a clock that is ahead: ``python -m tests.moved_clock 25 mystar serve``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from functools import partial

from mystar.kit.clock import Clock


def main() -> None:
    """Arguments: hours, then ``mystar`` or ``mystar.sandbox`` with its own arguments."""
    ahead, module, arguments = timedelta(hours=float(sys.argv[1])), sys.argv[2], sys.argv[3:]

    def now(*_: object) -> datetime:
        return datetime.now(UTC) + ahead

    if module == "mystar.sandbox":
        from mystar.sandbox import process

        vars(process)["Settings"] = partial(process.Settings, clock=now)
        process.sandbox_command(args=arguments, prog_name=module)
        return
    from mystar.cli.commands import main as mystar

    type.__setattr__(Clock, "now", now)
    mystar(args=arguments)


if __name__ == "__main__":
    main()
