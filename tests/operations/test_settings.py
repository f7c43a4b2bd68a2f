"""Wrong settings are refused at start by name, and their values, which may be secrets, are never repeated (O8)."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from mystar.settings import Settings, SettingsWrong, load_settings
from tests.server_process import SECRET_KEY, run_cli


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("MYSTAR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MYSTAR_DATA_DIR", str(tmp_path / "var"))


def loaded(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"MYSTAR_{name}", value)
    return load_settings()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://mystar:a%40b%2Fc%3A1@db/mystar",
        "postgresql:///mystar?host=/run/postgresql&user=me@there",
        "postgres://mystar@[::1]:5433,db2:5434/mystar?connect_timeout=3",
        "host=db password=a@b:/1@ dbname=mystar",
    ],
)
def test_addresses_of_databases(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, DATABASE__URL=address).database.url == address


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    with pytest.raises(SettingsWrong) as refused:
        loaded(monkeypatch, **variables)
    return str(refused.value)


MISTAKES = [
    ("PROFILE", "marked"),
    ("SECRET_KEY", "marked"),
    ("SECRET_KEY", "marked" * 10),
    ("HTTP__PORT", "marked"),
    ("HTTP__PORT", "70000"),
    ("HTTP__PORT", "-1"),
    ("HTTP__PUBLIC_URL", "marked.example"),
    ("HTTP__PUBLIC_URL", "ftp://marked.example"),
    ("HTTP__PUBLIC_URL", "http://"),
    ("HTTP__PUBLIC_URL", "https://stars.example/marked"),
    ("HTTP__PUBLIC_URL", "https://stars.example/?marked=1"),
    ("HTTP__PUBLIC_URL", "https://stars.example/#marked"),
    ("HTTP__PUBLIC_URL", "https://stars.example/?"),
    ("HTTP__PUBLIC_URL", "https://admin:marked@stars.example"),
    ("HTTP__TRUSTED_PROXIES", "10.0.0.0/8, marked"),
    ("HTTP__TRUSTED_PROXIES", "10.0.0.300"),
    ("HTTP__TRUSTED_PROXIES", '["10.0.0.1", marked'),
    ("HTTP__CORS_ORIGINS", "marked.example"),
    ("HTTP__CORS_ORIGINS", "https://marked.example/"),
    ("HTTP__CORS_ORIGINS", "https://marked.example/page"),
    ("HTTP__MAX_BODY", "10"),
    ("HTTP__SHUTDOWN_SECONDS", "0"),
    ("HTTP__DRAIN_SECONDS", "-1"),
    ("HTTP__EVENT_LOOP", "marked"),
    ("HTTP__PRT", "8080"),
    ("DATABASE__URL", "marked"),
    ("DATABASE__URL", "mysql://root:marked@localhost/db"),
    *(("DATABASE__URL", f"postgresql://mystar:12{sign}marked@db/mystar") for sign in "/@%"),
    ("DATABASE__URL", "postgresql://mystar:marked/12@db/mystar"),
    ("DATABASE__URL", "host=db port=marked"),
    ("DATABASE__POOL_SIZE", "0"),
    ("DATABASE__STATEMENT_TIMEOUT_MS", "marked"),
    ("DATABASE__ACQUIRE_SECONDS", "0"),
    ("TOKENS__HOUSE_ACCESS", "5"),
    ("PASSWORDS__BCRYPT_COST", "3"),
    ("PASSWORDS__BCRYPT_COST", "31"),
    ("PASSWORDS__THREADS", "0"),
    ("MAIL__PORT", "99999"),
    ("MAIL__START_TLS", "marked"),
    ("MAIL__SENDER", "marked"),
    ("MAIL__SUPPORT", "marked@"),
    ("MAIL__TIMEOUT_SECONDS", "0"),
    ("PAYMENTS__POLL_SECONDS", "0"),
    ("PAYMENTS__RETURN_URL", "marked"),
    ("PAYMENTS__YOOKASSA__URL", "https://user:marked@api.example/v2"),
    ("PAYMENTS__YOOKASSA__WEBHOOK_NETWORKS", "marked"),
    ("OAUTH__YANDEX__AUTHORIZE_URL", "marked"),
    ("OAUTH__VK__REDIRECT_URL", "marked"),
    ("OAUTH__VK_LEGACY__REDIRECT_URLS", '{"greetings": "marked"}'),
    ("OAUTH__MAILRU__SECRET", "marked"),
    ("OAUTH__ATTEMPT_SECONDS", "3600"),
    ("OAUTH__TIMEOUT_SECONDS", "0"),
    ("FILES__AVATAR_LIMIT", "0"),
    ("LIMITS__ENABLED", "marked"),
    ("LIMITS__URL", "http://:marked@localhost"),
    ("LIMITS__LOGIN_ADDRESS", "marked per minute"),
    ("LOG__LEVEL", "marked"),
    ("LOG__FORMAT", "marked"),
    ("SECRETKEY", "marked"),
]


@pytest.mark.parametrize(("name", "value"), MISTAKES, ids=[f"{name}={value}" for name, value in MISTAKES])
def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    said = refusal(monkeypatch, **{name: value})
    assert said.startswith(f"MYSTAR_{name}")
    assert "marked" not in said
    assert "\n" not in said


def test_all_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, HTTP__PORT="x", MAIL__SENDER="y", LOG__LEVEL="z")
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "MYSTAR_HTTP__PORT",
        "MYSTAR_MAIL__SENDER",
        "MYSTAR_LOG__LEVEL",
    ]


def test_the_environment_wins_over_the_profile_which_wins_over_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, PROFILE="test", PASSWORDS__THREADS="7")
    assert (settings.passwords.threads, settings.passwords.bcrypt_cost, settings.database.statement_timeout_ms) == (
        7,
        4,
        30_000,
    )


@pytest.mark.parametrize(
    ("written", "read"), [("", ()), ("10.0.0.0/8, ::1", ("10.0.0.0/8", "::1")), ('["1.2.3.4"]', ("1.2.3.4",))]
)
def test_a_list_is_separated_by_commas_or_json(
    monkeypatch: pytest.MonkeyPatch, written: str, read: tuple[str, ...]
) -> None:
    assert loaded(monkeypatch, HTTP__TRUSTED_PROXIES=written).http.trusted_proxies == read


PRODUCTION = {
    "PROFILE": "production",
    "SECRET_KEY": SECRET_KEY,
    "DATABASE__URL": "postgresql://mystar:word@db/mystar",
    "HTTP__PUBLIC_URL": "https://stars.example/",
    "HTTP__TRUSTED_PROXIES": "127.0.0.1",
    "MAIL__HOST": "smtp.example",
    "MAIL__SENDER": "mystar <noreply@stars.example>",
    "MAIL__SUPPORT": "help@stars.example",
    "PAYMENTS__YOOKASSA__SHOP_ID": "31337",
    "PAYMENTS__YOOKASSA__SECRET_KEY": "live_0123456789",
}


def test_production_starts_with_everything_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, **PRODUCTION)
    assert settings.http.public_url == "https://stars.example"
    assert settings.http.cors_origins == ()
    assert settings.log.format == "json"
    assert settings.limits.enabled


def test_production_generates_no_key_and_has_no_default_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = refusal(monkeypatch, PROFILE="production")
    assert {line.partition(":")[0].removeprefix("MYSTAR_") for line in said.splitlines()} == set(PRODUCTION) - {
        "PROFILE",
        "HTTP__TRUSTED_PROXIES",
    }
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP__PUBLIC_URL", "http://127.0.0.1:8080"),
        ("PAYMENTS__YOOKASSA__URL", "http://127.0.0.1:8090/yookassa/v3"),
        ("PAYMENTS__YOOKASSA__SECRET_KEY", "sandbox-secret-key"),
        ("MAIL__SENDER", "mystar <noreply@localhost>"),
        ("PASSWORDS__BCRYPT_COST", "4"),
        ("LIMITS__ENABLED", "false"),
        ("HTTP__CORS_ORIGINS", "*"),
        ("HTTP__CORS_ORIGINS", "https://stars.example, *"),
        ("HTTP__TRUSTED_PROXIES", "0.0.0.0/0"),
        ("HTTP__TRUSTED_PROXIES", "127.0.0.1, ::/0"),
        ("MAIL__START_TLS", "never"),
        ("PAYMENTS__YOOKASSA__SECRET_KEY", "test_4Gh7kQw9"),
        ("SECRET_KEY", "correct-horse-battery-" * 3),
        ("SECRET_KEY", "0123456789-abcdefghijklmnopqrstuv"),
        ("SECRET_KEY", "please-changeme-to-a-long-random-value"),
        ("SECRET_KEY", "secretsecretsecretsecretsecret1234ab"),
        ("SECRET_KEY", "ZYXWVUTSRQPONMLKJIHGFEDCBA987654"),
        ("SECRET_KEY", "correcthorsebatterystaplecorrecthorse"),
        ("PREVIOUS_SECRET_KEYS", "0123456789" * 4),
        ("BACKUP_KEY", "abcdefghijklmnopqrstuvwxyzabcdefghij"),
        ("BACKUP_KEY", SECRET_KEY),
        ("LIMITS__WRITE", "100000000/second"),
        ("LIMITS__LOGIN_ATTEMPT", "60/minute; 600000000/hour"),
        ("HTTP__CORS_ORIGINS", "https://*.com"),
        ("HTTP__TRUSTED_PROXIES", "0.0.0.0/1, 128.0.0.0/1"),
        ("HTTP__TRUSTED_PROXIES", "::/1, 8000::/1"),
        ("HTTP__TRUSTED_PROXIES", "::ffff:0:0/96"),
        ("HTTP__TRUSTED_PROXIES", "64:ff9b::/96"),
        ("HTTP__TRUSTED_PROXIES", "2000::/8"),
        ("HTTP__TRUSTED_PROXIES", ", ".join(f"{n}.0.0.0/8" for n in range(256))),
        ("MAIL__START_TLS", "auto"),
        ("PAYMENTS__YOOKASSA__SECRET_KEY", "TEST_4Gh7kQw9"),
    ],
)
def test_production_refuses_development_values(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    said = refusal(monkeypatch, **{**PRODUCTION, name: value})
    assert said.startswith(f"MYSTAR_{name}: ")
    assert value not in said


def test_a_test_shop_is_accepted_if_allowed_explicitly(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = {"PAYMENTS__YOOKASSA__SECRET_KEY": "test_4Gh7kQw9", "PAYMENTS__YOOKASSA__TEST_MODE": "true"}
    assert loaded(monkeypatch, **{**PRODUCTION, **shop}).payments.yookassa.test_mode


@pytest.mark.parametrize(
    ("profile", "address"),
    [
        ("development", "https://stars.example"),
        ("development", "HTTPS://stars.example"),
        ("test", "https://stars.example.com"),
    ],
)
def test_other_profiles_are_refused_at_an_https_address(
    monkeypatch: pytest.MonkeyPatch, profile: str, address: str
) -> None:
    said = refusal(monkeypatch, PROFILE=profile, HTTP__PUBLIC_URL=address)
    assert said == "MYSTAR_PROFILE: must be production with an https:// address"


def test_production_accepts_the_common_settings_of_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = {
        "HTTP__TRUSTED_PROXIES": "127.0.0.1, ::1, 10.0.0.0/8, fc00::/7, 172.16.0.0/12, 104.16.0.0/13, 2a06:98c0::/29",
        "HTTP__CORS_ORIGINS": "https://*.example.com, capacitor://localhost",
        "BACKUP_KEY": "N2vQx8LrT5bKw0YcZm7HsJ4fPd1GtR9e",
        "PREVIOUS_SECRET_KEYS": "4f9a1c7e02b85d36e9a07cf14b2d68359c01be7fa4d2365e8b97f0c1d2a4e6b3",
    }
    assert loaded(monkeypatch, **{**PRODUCTION, **usual}).http.trusted_proxies
    assert loaded(monkeypatch, **{**PRODUCTION, "MAIL__HOST": "127.0.0.1", "MAIL__START_TLS": "auto"}).mail.start_tls


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, {"AGENT_ID", "SECRET_KEY"}),
        ({"AGENT_ID": "500100"}, {"SECRET_KEY"}),
        ({"AGENT_ID": "500100", "SECRET_KEY": "sandbox-payout-secret-key"}, {"SECRET_KEY"}),
    ],
)
def test_payouts_through_the_provider_need_credentials_of_their_own(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], names: set[str]
) -> None:
    prefix = "PAYMENTS__YOOKASSA__PAYOUTS__"
    gateway = {f"{prefix}{name}": value for name, value in given.items()}
    said = refusal(monkeypatch, **PRODUCTION, PAYOUTS__PROVIDER="yookassa", **gateway)

    assert {line.partition(":")[0].removeprefix(f"MYSTAR_{prefix}") for line in said.splitlines()} == names


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_production_behind_a_proxy_of_its_machine_must_trust_it(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    said = refusal(monkeypatch, **{**PRODUCTION, "HTTP__TRUSTED_PROXIES": "", "HTTP__HOST": host})
    assert said.startswith("MYSTAR_HTTP__TRUSTED_PROXIES: must name the proxy in front")
    monkeypatch.setenv("MYSTAR_HTTP__HOST", "0.0.0.0")
    assert load_settings().http.trusted_proxies == ()


def test_production_listens_on_its_own_machine_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded(monkeypatch, **PRODUCTION).http.host == "127.0.0.1"


def test_production_uses_configured_providers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    yandex = {"OAUTH__YANDEX__CLIENT_ID": "31337", "OAUTH__YANDEX__CLIENT_SECRET": "live_0123456789"}
    settings = loaded(monkeypatch, **PRODUCTION, **yandex, OAUTH__VK__CLIENT_ID="31337")
    assert [name for name, one in settings.oauth.providers().items() if one.client_id] == ["yandex", "vk"]
    # VK does not tell the audience of a token.
    assert settings.oauth.vk.own_tokens_only


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLIENT_SECRET", ""),
        ("CLIENT_SECRET", "sandbox-secret-key"),
        ("TOKEN_URL", "http://oauth.example/token"),
        ("REDIRECT_URL", "http://stars.example/back"),
    ],
)
def test_production_refuses_an_incomplete_provider(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    yandex = {"OAUTH__YANDEX__CLIENT_ID": "31337", "OAUTH__YANDEX__CLIENT_SECRET": "live_0123456789"}
    said = refusal(monkeypatch, **PRODUCTION, **{**yandex, f"OAUTH__YANDEX__{name}": value})
    assert said.startswith(f"MYSTAR_OAUTH__YANDEX__{name}: ")
    assert not value or value not in said


def test_processes_that_start_at_once_share_one_development_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(load_settings().secret_key)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert load_settings().secret_key == keys[0]


@pytest.mark.parametrize("command", ["serve", "migrate", "check", "routes"])
def test_commands_report_wrong_settings_without_a_stack_trace(command: str, tmp_path: Path) -> None:
    done = run_cli(command, directory=tmp_path, HTTP__PORT="marked", SECRET_KEY="marked")
    if command == "routes":
        assert done.returncode == 0, "what needs no settings asks for none"
        return
    assert done.returncode == 1
    assert "The configuration is wrong:\nMYSTAR_HTTP__PORT: " in done.stderr
    assert "marked" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_in_a_file_is_named() -> None:
    with pytest.raises(SettingsWrong, match="MYSTAR_HTTP__PRT: is not a setting"):
        load_settings(http={"prt": 1, **load_settings().http.model_dump()})
