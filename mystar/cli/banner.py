"""What a developer reads when everything has started: where to go and whom to log in as."""

from __future__ import annotations

from collections.abc import Sequence


def banner(url: str, sandbox_url: str | None, logins: Sequence[tuple[str, str, str]] = ()) -> str:
    """The addresses, and below them whom to log in as.

    :param url: of the service, no slash at the end. :param sandbox_url: None = it does not run with us.
    :param logins: who somebody is, their log-in, their password.
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
