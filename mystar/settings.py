"""Every setting, its type and its bounds. Values: ``config/default.toml``, then the profile's file, then MYSTAR_*.

Nested names are joined by two underscores: ``MYSTAR_HTTP__PORT=8081``. Lists are JSON or comma-separated.
Secrets come from the environment only; in development they are generated once into the data directory.
"""

from __future__ import annotations

import json
import os
import secrets
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, TypeAdapter, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mystar.kit.http import networks
from mystar.kit.resources import project_folder

Profile = Literal["development", "test", "production"]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class SettingsWrong(Exception):
    """The configuration cannot be used; the text names each setting and what is wrong with it."""


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return (
            json.loads(value) if value.startswith("[") else [part.strip() for part in value.split(",") if part.strip()]
        )
    return value


Addresses = Annotated[tuple[str, ...], NoDecode]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpSettings(Section):
    host: str
    port: Port
    #: What links in mails and answers begin with; without a slash at the end.
    public_url: str
    trusted_proxies: Addresses = ()
    cors_origins: Addresses = ()
    #: Bytes of a JSON or form body; uploads have limits of their own.
    max_body: int = Field(ge=1024)
    #: Seconds that requests in flight are given on shutdown.
    shutdown_seconds: Seconds
    event_loop: Literal["uvloop", "asyncio"]

    @field_validator("trusted_proxies", "cors_origins", mode="before")
    @classmethod
    def split(cls, value: Any) -> Any:
        return _listed(value)

    @field_validator("trusted_proxies")
    @classmethod
    def are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        networks(value)
        return value

    @field_validator("public_url")
    @classmethod
    def is_an_address(cls, value: str) -> str:
        TypeAdapter(HttpUrl).validate_python(value)
        return value.rstrip("/")


class DatabaseSettings(Section):
    #: Empty = the embedded server in the data directory.
    url: str = ""
    pool_size: int = Field(ge=1, le=200)
    statement_timeout_ms: int = Field(ge=100)
    acquire_seconds: Seconds


class TokenSettings(Section):
    """Lives in seconds (contract D5); a door without refresh tokens has one long access token."""

    house_access: int = Field(ge=60)
    house_refresh: int = Field(ge=60)
    identity_access: int = Field(ge=60)
    identity_refresh: int = Field(ge=60)
    studio_access: int = Field(ge=60)
    studio_refresh: int = Field(ge=60)
    greetings_access: int = Field(ge=60)
    messenger_access: int = Field(ge=60)
    #: The links in mails.
    confirm_email: int = Field(ge=60)
    reset_password: int = Field(ge=60)
    #: Links to private files.
    signed_link: int = Field(ge=60)


class PasswordSettings(Section):
    bcrypt_cost: int = Field(ge=4, le=16)
    threads: int = Field(ge=1, le=64)


class MailSettings(Section):
    host: str
    port: Port
    username: str = ""
    password: str = ""
    #: "auto" upgrades when the server offers it; "required" refuses to speak without; "tls" speaks TLS from the start.
    start_tls: Literal["never", "auto", "required", "tls"]
    sender: str
    support: str
    timeout_seconds: Seconds

    @field_validator("start_tls", mode="before")
    @classmethod
    def accept_booleans(cls, value: Any) -> Any:
        words = {"true": "required", "1": "required", "false": "never", "0": "never"}
        return words.get(str(value).lower(), value)


class YookassaSettings(Section):
    #: Ends in /v3.
    url: str
    shop_id: str
    secret_key: str
    timeout_seconds: Seconds
    #: Where notifications may come from; empty = anywhere, since nothing in them is believed anyway.
    webhook_networks: Addresses = ()

    @field_validator("webhook_networks", mode="before")
    @classmethod
    def split(cls, value: Any) -> Any:
        return _listed(value)

    @field_validator("webhook_networks")
    @classmethod
    def are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        networks(value)
        return value

    @field_validator("url")
    @classmethod
    def is_an_address(cls, value: str) -> str:
        TypeAdapter(HttpUrl).validate_python(value)
        return value.rstrip("/")


class PaymentSettings(Section):
    yookassa: YookassaSettings
    poll_seconds: Seconds
    #: Where the provider's page sends people back to; empty = our own page that says how the payment went.
    return_url: str = ""


class FileSettings(Section):
    """Limits in bytes (contract D38)."""

    avatar_limit: int = Field(ge=1)
    image_limit: int = Field(ge=1)
    video_limit: int = Field(ge=1)
    other_limit: int = Field(ge=1)
    quota: int = Field(ge=1)
    max_pixels: int = Field(ge=1)


class LimitSettings(Section):
    """Tries per time, such as ``10/minute``. ``url`` shares the counts between processes."""

    enabled: bool
    url: str = ""
    login_address: str
    login_account: str
    registration: str
    mailed_link: str
    mailed_token: str
    anonymous_form: str


class StudioSettings(Section):
    process_seconds: float = Field(ge=0)


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"]
    format: Literal["json", "text"]


class _ProjectFiles(InitSettingsSource):
    """``config/default.toml`` and, over it, the profile's own file."""

    def __init__(self, settings_cls: type[BaseSettings], profile: str) -> None:
        directory = project_folder("config")
        values = _read(directory / "default.toml")
        own = directory / f"{profile}.toml"
        if own.exists():
            values = _merged(values, _read(own))
        super().__init__(settings_cls, values)


class Settings(BaseSettings):
    """What the whole service is configured by."""

    model_config = SettingsConfigDict(
        env_prefix="MYSTAR_", env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    profile: Profile = "development"
    data_dir: Path
    #: 32 characters at least; signs tokens and links.
    secret_key: str = ""
    http: HttpSettings
    database: DatabaseSettings
    tokens: TokenSettings
    passwords: PasswordSettings
    mail: MailSettings
    payments: PaymentSettings
    files: FileSettings
    limits: LimitSettings
    studio: StudioSettings
    log: LogSettings

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
        return init_settings, EnvSettingsSource(settings_cls), _ProjectFiles(settings_cls, profile)


def load_settings(**overrides: Any) -> Settings:
    """Read and check the whole configuration.

    :raises SettingsWrong: names every setting that is wrong.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsWrong("\n".join(_complaint(problem) for problem in error.errors())) from None
    except (ValueError, tomllib.TOMLDecodeError) as error:
        raise SettingsWrong(str(error)) from None
    if settings.profile == "production":
        _refuse_development_values(settings)
    elif not settings.secret_key:
        settings = settings.model_copy(update={"secret_key": _generated_key(settings.data_dir)})
    if len(settings.secret_key) < 32:
        raise SettingsWrong("MYSTAR_SECRET_KEY: needs at least 32 characters")
    return settings


def _refuse_development_values(settings: Settings) -> None:
    required = {
        "MYSTAR_SECRET_KEY": settings.secret_key,
        "MYSTAR_DATABASE__URL": settings.database.url,
        "MYSTAR_MAIL__HOST": settings.mail.host,
        "MYSTAR_PAYMENTS__YOOKASSA__SHOP_ID": settings.payments.yookassa.shop_id,
        "MYSTAR_PAYMENTS__YOOKASSA__SECRET_KEY": settings.payments.yookassa.secret_key,
    }
    missing = [f"{name}: is required in production" for name, value in required.items() if not value]
    if missing:
        raise SettingsWrong("\n".join(missing))


def _generated_key(data_dir: Path) -> str:
    """The development key: made at the first run, kept in the data directory, never in the repository."""
    path = data_dir / "secret_key"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


def _complaint(problem: Any) -> str:
    """One line; never the value, which may be a secret."""
    name = "MYSTAR_" + "__".join(str(part).upper() for part in problem["loc"])
    return f"{name}: {problem['msg']}"


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = dict(base)
    for name, value in over.items():
        inner = both.get(name)
        both[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both
