"""Addresses that follow the ports, so that several clones run side by side."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from mystar.cli.sandbox_ports import sandbox_url, with_free_sandbox_ports
from mystar.settings import Settings, load_settings


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 8143, "http://127.0.0.1:8143"),
        ("0.0.0.0", 8143, "http://127.0.0.1:8143"),
        ("::", 8143, "http://127.0.0.1:8143"),
        ("::1", 8143, "http://[::1]:8143"),
        ("stars.local", 80, "http://stars.local:80"),
    ],
)
def test_the_public_url_follows_host_and_port(monkeypatch: pytest.MonkeyPatch, host: str, port: int, url: str) -> None:
    monkeypatch.setenv("MYSTAR_HTTP__HOST", host)
    monkeypatch.setenv("MYSTAR_HTTP__PORT", str(port))
    monkeypatch.delenv("MYSTAR_HTTP__PUBLIC_URL", raising=False)
    assert load_settings().http.public_url == url
    monkeypatch.setenv("MYSTAR_HTTP__PUBLIC_URL", "http://stars.example:8080")
    assert load_settings().http.public_url == "http://stars.example:8080"


def test_with_taken_ports_the_sandbox_moves_and_settings_follow(
    monkeypatch: pytest.MonkeyPatch, make_settings: Callable[..., Settings]
) -> None:
    make_settings()
    for name in ("PAYMENTS__YOOKASSA__URL", "MAIL__HOST", "MAIL__PORT", "OAUTH__VK__TOKEN_URL"):
        monkeypatch.delenv(f"MYSTAR_{name}", raising=False)
    monkeypatch.setenv("MYSTAR_OAUTH__YANDEX__PROFILE_URL", "https://yandex.example/info")
    with socket.socket() as pages, socket.socket() as smtp:
        for one in (pages, smtp):
            one.bind(("127.0.0.1", 0))
            one.listen()
        monkeypatch.setenv("MYSTAR_SANDBOX__PORT", str(pages.getsockname()[1]))
        monkeypatch.setenv("MYSTAR_SANDBOX__SMTP_PORT", str(smtp.getsockname()[1]))
        moved = with_free_sandbox_ports(load_settings())
        taken = {pages.getsockname()[1], smtp.getsockname()[1]}
    assert not {moved.sandbox.port, moved.sandbox.smtp_port, moved.mail.port} & taken
    assert moved.mail.port == moved.sandbox.smtp_port
    assert moved.payments.yookassa.url == f"{sandbox_url(moved)}/yookassa/v3"
    assert moved.oauth.vk.token_url.startswith(f"{sandbox_url(moved)}/")
    assert moved.oauth.yandex.profile_url == "https://yandex.example/info", "an address of others stays"
