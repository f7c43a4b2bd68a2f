"""What a developer reads when everything has started: where to go and whom to log in as."""

from __future__ import annotations


def banner(url: str, sandbox_url: str | None) -> str:
    lines = [
        "",
        f"  mystar serves        {url}",
        f"  API to read and try  {url}/swagger/",
    ]
    if sandbox_url:
        lines.append(f"  mail and payments    {sandbox_url}/")
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])
