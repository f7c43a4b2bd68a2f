"""The text that `run` prints when everything has started: addresses and log-ins."""

from __future__ import annotations

from collections.abc import Sequence


def banner(url: str, sandbox_url: str | None, logins: Sequence[tuple[str, str, str]] = ()) -> str:
    """Addresses, and below them the log-ins of the demo.

    :param url: of the service, without a slash at the end. :param sandbox_url: None = the sandbox was not started.
    :param logins: triples of description, log-in and password.
    """
    addresses = [("mystar serves", url), ("try the API", f"{url}/swagger/"), ("staff's panel", f"{url}/admin/")]
    if sandbox_url:
        addresses += [("sent mails", f"{sandbox_url}/mail/"), ("payments", f"{sandbox_url}/payments/")]
        addresses += [("live chat", f"{sandbox_url}/live/")]
    lines = ["", *_aligned(addresses)]
    if logins:
        lines += ["", *_aligned([("log in as", "with", "password"), *logins])]
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
