"""Reads and checks the settings: ``config/default.toml``, then the profile's file, then variables ``MYSTAR_…``.

Nested names are joined by two underscores: ``MYSTAR_HTTP__PORT=8081``. Lists are JSON or comma-separated.
Secrets come from the environment only; in development the key is generated once into the data directory.
Each setting, its type and its bounds are in ``sections``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from yarl import URL

from mystar.kit.outbox.web_push import VapidKey
from mystar.kit.realtime.backends import BusSettings
from mystar.kit.realtime.websocket import WebSocketSettings
from mystar.kit.resources import project_folder
from mystar.kit.security.weak_values import is_guessable, is_no_limit, trusts_too_many
from mystar.kit.setting_kinds import Listed, is_loopback, must_be
from mystar.kit.storage.settings import StorageSettings
from mystar.kit.web.site import SiteSettings
from mystar.money_sections import (
    EarningSettings,
    OrderSettings,
    PaymentSettings,
    PayoutSettings,
    ReceiptSettings,
    YookassaPayoutSettings,
)
from mystar.operation_sections import AlarmSettings, LogSettings, TelemetrySettings
from mystar.people_sections import ChatSettings
from mystar.sections import (
    DatabaseSettings,
    FileSettings,
    HttpSettings,
    LimitSettings,
    MailSettings,
    NotificationSettings,
    OauthSettings,
    OutboxSettings,
    PasswordSettings,
    PrivacySettings,
    ProviderSettings,
    PushSettings,
    SandboxSettings,
    SecuritySettings,
    StudioSettings,
    TokenSettings,
)

Profile = Literal["development", "test", "production"]
_SANDBOX_KEY = "sandbox-secret-key"
_SANDBOX_PAYOUT_KEY = "sandbox-payout-secret-key"


class SettingsWrong(Exception):
    """The configuration cannot be used; the text names each setting and what is wrong with it, never its value."""


class Settings(BaseSettings):
    """All settings of the service."""

    model_config = SettingsConfigDict(
        env_prefix="MYSTAR_", env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    #: Which file of `config/` follows `default.toml`; in production weak settings are refused.
    profile: Profile = "development"
    #: The folder of the embedded database, of uploads and of generated development keys.
    data_dir: Path
    #: The time zone, such as Asia/Almaty, in whose days ages are counted; empty = Moscow.
    time_zone: Annotated[str, must_be("the name of a time zone, or empty", lambda name: not name or ZoneInfo(name))] = (
        ""
    )
    #: Signs tokens and links; 32 characters or more.
    secret_key: str = ""
    #: Earlier keys: their tokens and links are still accepted, so that a change of the key ends no session.
    previous_secret_keys: Listed = ()
    #: Encrypts backups; 32 characters or more, kept elsewhere than the backups. Empty = they are not encrypted.
    backup_key: str = ""
    http: HttpSettings
    site: SiteSettings
    sandbox: SandboxSettings
    database: DatabaseSettings
    tokens: TokenSettings
    passwords: PasswordSettings
    security: SecuritySettings
    mail: MailSettings
    payments: PaymentSettings
    oauth: OauthSettings
    orders: OrderSettings
    earnings: EarningSettings
    payouts: PayoutSettings
    receipts: ReceiptSettings
    outbox: OutboxSettings
    alarms: AlarmSettings
    notifications: NotificationSettings
    push: PushSettings
    chat: ChatSettings
    files: FileSettings
    storage: StorageSettings
    privacy: PrivacySettings
    limits: LimitSettings
    sockets: WebSocketSettings
    bus: BusSettings
    studio: StudioSettings
    log: LogSettings
    telemetry: TelemetrySettings

    @field_validator("data_dir")
    @classmethod
    def expand_home(cls, folder: Path) -> Path:
        """``~/x`` as a shell would read it, which knows nothing of variables of a service manager."""
        try:
            return folder.expanduser()
        except RuntimeError as error:
            raise ValueError("is in the home directory of an unknown user") from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        profile = os.environ.get("MYSTAR_PROFILE", "development")
        folder = project_folder("config")
        files = TomlConfigSettingsSource(
            settings_cls, toml_file=[folder / "default.toml", folder / f"{profile}.toml"], deep_merge=True
        )
        return init_settings, EnvSettingsSource(settings_cls), files


def load_settings(**overrides: Any) -> Settings:
    """Read and check all settings.

    :raises SettingsWrong: names every setting that is wrong.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsWrong("\n".join(map(_problem_line, error.errors()))) from None
    except TOMLDecodeError as error:
        raise SettingsWrong(f"config/default.toml or the file of the profile: {error}") from None
    except ValueError as error:
        raise SettingsWrong(str(error)) from None
    if settings.profile != "production" and not settings.secret_key:
        key = _generated_key(settings.data_dir, "secret_key", lambda: secrets.token_urlsafe(48))
        settings = settings.model_copy(update={"secret_key": key})
    if settings.profile != "production" and not settings.push.private_key:
        key = _generated_key(settings.data_dir, "push_key", VapidKey.generate)
        settings = settings.model_copy(update={"push": settings.push.model_copy(update={"private_key": key})})
    if problems := [*_unknown(os.environ), *_weaknesses(settings)]:
        raise SettingsWrong("\n".join(problems))
    return settings


def _unknown(environment: Iterable[str]) -> Iterator[str]:
    """Variables ``MYSTAR_…`` that name no setting, such as misspelt ones."""
    for name in environment:
        section = name.removeprefix("MYSTAR_").partition("__")[0].lower()
        if name.startswith("MYSTAR_") and section not in Settings.model_fields:
            yield f"{name}: is not a setting"


def _is_good_key(key: str) -> bool:
    return len(key) >= 32 and len(set(key)) >= 10


def _weaknesses(settings: Settings) -> Iterator[str]:
    """Values that are allowed in development only, and incomplete sections."""
    mail, shop = settings.mail, settings.payments.yookassa
    good = "needs at least 32 characters, 10 of them different"
    yield from _unless(_is_good_key(settings.secret_key), "MYSTAR_SECRET_KEY", good)
    yield from _unless(all(map(_is_good_key, settings.previous_secret_keys)), "MYSTAR_PREVIOUS_SECRET_KEYS", good)
    yield from _unless(not settings.backup_key or _is_good_key(settings.backup_key), "MYSTAR_BACKUP_KEY", good)
    yield from _storage_weaknesses(settings.storage)
    yield from _missing_packages(settings.telemetry)
    yield from _relying_party_weaknesses(settings.security.rp_id, settings.http)
    yield from _unless(
        settings.earnings.mode == "balance" or settings.payouts.provider == "yookassa",
        "MYSTAR_PAYOUTS__PROVIDER",
        "must be yookassa with MYSTAR_EARNINGS__MODE=safe_deal: deals are paid out by the provider",
    )
    if settings.profile != "production":
        is_public = settings.http.public_url.lower().startswith("https://")
        is_public &= settings.profile == "development" or not _is_reserved(settings.http.public_url)
        yield from _unless(not is_public, "MYSTAR_PROFILE", "must be production with an https:// address")
        return
    for name, value in (
        ("MYSTAR_DATABASE__URL", settings.database.url),
        ("MYSTAR_MAIL__HOST", mail.host),
        ("MYSTAR_PAYMENTS__YOOKASSA__SHOP_ID", shop.shop_id),
        ("MYSTAR_PAYMENTS__YOOKASSA__SECRET_KEY", shop.secret_key),
    ):
        yield from _unless(value, name, "is required in production")
    for name, mailbox in (("MYSTAR_MAIL__SENDER", mail.sender), ("MYSTAR_MAIL__SUPPORT", mail.support)):
        yield from _unless("@localhost" not in mailbox, name, "must be an address that accepts replies")
    for name, address in (
        ("MYSTAR_HTTP__PUBLIC_URL", settings.http.public_url),
        ("MYSTAR_PAYMENTS__YOOKASSA__URL", shop.url),
    ):
        yield from _unless(address.startswith("https://"), name, "must begin with https:// in production")
    yield from _production_weaknesses(settings)
    yield from _proxy_weaknesses(settings.http)
    yield from _unless(
        shop.secret_key != _SANDBOX_KEY, "MYSTAR_PAYMENTS__YOOKASSA__SECRET_KEY", "is the sandbox's, not a shop's"
    )
    yield from _unless(
        settings.passwords.bcrypt_cost >= 10, "MYSTAR_PASSWORDS__BCRYPT_COST", "must be at least 10 in production"
    )
    if settings.payouts.provider == "yookassa":
        yield from _payout_weaknesses(shop.payouts)
    for name, provider in settings.oauth.providers().items():
        yield from _provider_weaknesses(f"MYSTAR_OAUTH__{name.upper()}", name, provider)


def _missing_packages(telemetry: TelemetrySettings) -> Iterator[str]:
    for name, value, module, extra in (
        ("OTLP_URL", telemetry.otlp_url, "opentelemetry", "tracing"),
        ("SENTRY_DSN", telemetry.sentry_dsn, "sentry_sdk", "sentry"),
    ):
        is_there = not value or find_spec(module) is not None
        yield from _unless(is_there, f"MYSTAR_TELEMETRY__{name}", f"needs: pip install 'mystar[{extra}]'")


def _is_reserved(address: str) -> bool:
    """Whether the host is a name for tests, which cannot be registered (RFC 2606)."""
    return (URL(address).host or "").rpartition(".")[2] in ("example", "invalid", "test", "localhost")


def _relying_party_weaknesses(rp_id: str, http: HttpSettings) -> Iterator[str]:
    """Browsers refuse to use a passkey on another host."""
    hosts = [URL(one).raw_host or "" for one in (http.public_url, http.site_url) if one]
    is_here = rp_id == "localhost" and any(map(is_loopback, hosts))
    is_own = not rp_id or is_here or any(host == rp_id or host.endswith(f".{rp_id}") for host in hosts)
    yield from _unless(
        is_own, "MYSTAR_SECURITY__RP_ID", "must be the host of the public address or of the site, or a domain above it"
    )


def _payout_weaknesses(gateway: YookassaPayoutSettings) -> Iterator[str]:
    """Payouts have an account of their own at the provider."""
    prefix = "MYSTAR_PAYMENTS__YOOKASSA__PAYOUTS"
    yield from _unless(gateway.agent_id, f"{prefix}__AGENT_ID", "is required with MYSTAR_PAYOUTS__PROVIDER=yookassa")
    for is_good, what in (
        (bool(gateway.secret_key), "is required with MYSTAR_PAYOUTS__PROVIDER=yookassa"),
        (gateway.secret_key != _SANDBOX_PAYOUT_KEY, "is the sandbox's, not a gateway's"),
    ):
        yield from _unless(is_good, f"{prefix}__SECRET_KEY", what)


def _production_weaknesses(settings: Settings) -> Iterator[str]:
    """Protection that is switched off, or open to everyone."""
    http, mail = settings.http, settings.mail
    can_be_stripped = mail.start_tls == "auto" and not is_loopback(mail.host)
    keys = {"SECRET_KEY": (settings.secret_key,), "PREVIOUS_SECRET_KEYS": settings.previous_secret_keys}
    for name, values in (keys | {"BACKUP_KEY": (settings.backup_key,)}).items():
        good = not any(map(is_guessable, values))
        yield from _unless(good, f"MYSTAR_{name}", "repeats itself or contains a sequence or a placeholder")
    yield from _unless(
        not settings.backup_key or settings.backup_key not in {settings.secret_key, *settings.previous_secret_keys},
        "MYSTAR_BACKUP_KEY",
        "must be another key than the one that signs tokens",
    )
    for is_good, name, reason in (
        (settings.limits.enabled, "LIMITS__ENABLED", "must be true in production"),
        ("*" not in http.cors_origins, "HTTP__CORS_ORIGINS", "must name the origins in production"),
        (
            not any(map(_is_whole_tld, http.cors_origins)),
            "HTTP__CORS_ORIGINS",
            "must not take a whole top-level domain",
        ),
        (mail.start_tls != "never", "MAIL__START_TLS", "must encrypt mails in production"),
        (not can_be_stripped, "MAIL__START_TLS", "must be required or tls, unless the server is on this machine"),
        (not settings.push.allow_private, "PUSH__ALLOW_PRIVATE", "must be false in production"),
        (
            not trusts_too_many(http.trusted_proxies),
            "HTTP__TRUSTED_PROXIES",
            "trusts too many: anyone could claim any address",
        ),
    ):
        yield from _unless(is_good, f"MYSTAR_{name}", reason)
    for name, rule in settings.limits.model_dump(exclude={"enabled", "url"}).items():
        yield from _unless(not is_no_limit(rule), f"MYSTAR_LIMITS__{name.upper()}", "is too high to limit anything")
    yield from _test_shop_weaknesses(settings)


def _test_shop_weaknesses(settings: Settings) -> Iterator[str]:
    shop = settings.payments.yookassa
    keys = {"SECRET_KEY": shop.secret_key}
    if settings.payouts.provider == "yookassa":
        keys["PAYOUTS__SECRET_KEY"] = shop.payouts.secret_key
    for name, key in keys.items():
        is_test = key.strip().lower().startswith("test_")
        yield from _unless(
            shop.test_mode or not is_test,
            f"MYSTAR_PAYMENTS__YOOKASSA__{name}",
            "is of a test shop, which takes no money; MYSTAR_PAYMENTS__YOOKASSA__TEST_MODE=true accepts it",
        )


def _is_whole_tld(origin: str) -> bool:
    """``https://*.com``: anybody has a name there."""
    _, wildcard, domain = origin.partition("://*.")
    return bool(wildcard) and "." not in domain


def _proxy_weaknesses(http: HttpSettings) -> Iterator[str]:
    """What listens on this machine only and has an https address is reached through a proxy."""
    proxied = http.public_url.startswith("https://") and is_loopback(http.host)
    yield from _unless(
        http.trusted_proxies or not proxied,
        "MYSTAR_HTTP__TRUSTED_PROXIES",
        "must name the proxy in front, 127.0.0.1 for one on this machine: otherwise all clients share its address, ten "
        "wrong log-ins lock out all of them, and notifications of the payment provider are refused",
    )


def _storage_weaknesses(storage: StorageSettings) -> Iterator[str]:
    """A bucket needs all of its settings, or none."""
    given = storage.s3.model_dump()
    if storage.kind == "s3" or any(given.values()):
        for name, value in given.items():
            yield from _unless(value, f"MYSTAR_STORAGE__S3__{name.upper()}", "is required for a bucket")


def _provider_weaknesses(prefix: str, name: str, provider: ProviderSettings) -> Iterator[str]:
    """A sign-in provider needs all of its settings, or no client id, which switches it off."""
    if not provider.client_id:
        return
    has_secret = provider.client_secret or name == "vk"
    yield from _unless(has_secret, f"{prefix}__CLIENT_SECRET", f"is required with {prefix}__CLIENT_ID")
    yield from _unless(provider.client_secret != _SANDBOX_KEY, f"{prefix}__CLIENT_SECRET", "is the sandbox's")
    addresses = {
        "AUTHORIZE_URL": provider.authorize_url,
        "TOKEN_URL": provider.token_url,
        "PROFILE_URL": provider.profile_url,
        "REDIRECT_URL": provider.redirect_url or "https://",
    } | {f"REDIRECT_URLS__{door.upper()}": url for door, url in provider.redirect_urls.items()}
    for setting, address in addresses.items():
        good = address.startswith("https://")
        yield from _unless(good, f"{prefix}__{setting}", "must begin with https:// in production")


def _unless(valid: object, name: str, reason: str) -> Iterator[str]:
    if not valid:
        yield f"{name}: {reason}"


def _generated_key(data_dir: Path, name: str, generate: Callable[[], str]) -> str:
    """A key of development and tests: generated once, into the data directory."""
    path = data_dir / name
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        # Written completely before it is linked: two processes that start at once use the same key.
        with tempfile.NamedTemporaryFile("w", dir=data_dir) as fresh:
            fresh.write(generate())
            fresh.flush()
            with contextlib.suppress(FileExistsError):
                os.link(fresh.name, path)
    return path.read_text().strip()


def _problem_line(problem: Any) -> str:
    """One line, without the value, which may be a secret."""
    name = "MYSTAR_" + "__".join(str(part).upper() for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{name}: is not a setting"
    return f"{name}: {problem['msg'].removeprefix('Value error, ')}"
