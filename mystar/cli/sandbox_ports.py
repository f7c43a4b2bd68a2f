"""Where ``mystar run`` starts the sandbox: at the configured ports, or at free ones where another clone has them."""

from __future__ import annotations

import socket
from typing import Any

from pydantic import BaseModel

from mystar.settings import Settings, load_settings

_HOST = "127.0.0.1"
#: The ports in config/default.toml, which every address of the sandbox there begins with.
_PORT, _SMTP_PORT = 8090, 8025


def sandbox_url(settings: Settings) -> str:
    return f"http://{_HOST}:{settings.sandbox.port}"


def with_free_sandbox_ports(settings: Settings) -> Settings:
    """The settings with every address of the sandbox at the ports that it will have."""
    port, smtp_port = _free(settings.sandbox.port), _free(settings.sandbox.smtp_port)
    if (port, smtp_port) == (_PORT, _SMTP_PORT):
        return settings
    moved = _moved(settings, f"http://{_HOST}:{_PORT}/", f"http://{_HOST}:{port}/")
    if settings.mail.port == _SMTP_PORT and settings.mail.host == _HOST:
        moved["mail"] = {"port": smtp_port}
    return load_settings(**moved, sandbox={"port": port, "smtp_port": smtp_port})


def _moved(section: BaseModel, old: str, new: str) -> dict[str, Any]:
    """The values that begin with ``old``, beginning with ``new`` instead, nested as they are."""
    found: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel) and (inner := _moved(value, old, new)):
            found[name] = inner
        elif isinstance(value, str) and value.startswith(old):
            found[name] = new + value.removeprefix(old)
    return found


def _free(port: int) -> int:
    """The port if it is free, else another one."""
    for wanted in (port, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((_HOST, wanted))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise OSError("no port is free")
