"""The sections of the configuration, ``[http]`` to ``[log]`` in ``config/default.toml``: types, bounds and meaning."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from mystar.kit.postgres.driver import parameters
from mystar.kit.setting_kinds import (
    ExactAddress,
    Life,
    Mailbox,
    Networks,
    Origins,
    Port,
    Rate,
    Seconds,
    Section,
    WebAddress,
    is_redis,
    is_web_address,
    must_be,
)


class HttpSettings(Section):
    host: str
    port: Port
    #: What links in mails and answers begin with; without a slash at the end.
    public_url: WebAddress
    trusted_proxies: Networks = ()
    cors_origins: Origins = ()
    #: Bytes of a JSON or form body; uploads have limits of their own.
    max_body: int = Field(ge=1024)
    #: Seconds between the word to stop, when /readyz begins to refuse, and the end of listening: a balancer's notice.
    drain_seconds: float = Field(ge=0)
    #: Seconds that requests in flight are given after that.
    shutdown_seconds: Seconds
    event_loop: Literal["uvloop", "asyncio"]


class DatabaseSettings(Section):
    #: Empty = the embedded server in the data directory.
    url: Annotated[str, must_be("a postgresql:// URL or key=value pairs", lambda url: not url or parameters(url))] = ""
    pool_size: int = Field(ge=1, le=200)
    statement_timeout_ms: int = Field(ge=100)
    acquire_seconds: Seconds


class TokenSettings(Section):
    """Lives in seconds (D5); a door without refresh tokens has one long access token."""

    house_access: Life
    house_refresh: Life
    identity_access: Life
    identity_refresh: Life
    studio_access: Life
    studio_refresh: Life
    greetings_access: Life
    messenger_access: Life
    #: The panel's cookie: a working day, then one signs in again.
    admin_access: Life
    #: A session that asks for no new access token for this long ends.
    refresh_idle: Life
    #: However often a client exchanges its refresh token, no session outlives this (promise S2).
    refresh_longest: Life
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
    sender: Mailbox
    support: Mailbox
    timeout_seconds: Seconds

    @field_validator("start_tls", mode="before")
    @classmethod
    def accept_booleans(cls, value: Any) -> Any:
        words = {"true": "required", "1": "required", "false": "never", "0": "never"}
        return words.get(str(value).lower(), value)


class YookassaPayoutSettings(Section):
    """The payout gateway is another account at the provider, with a balance of its own."""

    agent_id: str = ""
    secret_key: str = ""


class YookassaSettings(Section):
    url: Annotated[WebAddress, must_be("an address that ends in /v3", lambda url: url.endswith("/v3"))]
    shop_id: str
    secret_key: str
    timeout_seconds: Seconds
    #: Where notifications may come from; empty = anywhere, since nothing in them is believed anyway.
    webhook_networks: Networks = ()
    payouts: YookassaPayoutSettings = YookassaPayoutSettings()


class PaymentSettings(Section):
    yookassa: YookassaSettings
    #: What buyers may pay with; the first is the default. Money by card is held, by SBP it is charged at once.
    methods: Annotated[list[Literal["bank_card", "sbp"]], Field(min_length=1)]
    poll_seconds: Seconds
    #: Where the provider's page sends people back to; empty = our own page that says how the payment went.
    return_url: Annotated[str, must_be("a web address, or empty", lambda url: not url or is_web_address(url))] = ""


class ProviderSettings(Section):
    """One sign-in provider. Without a client id it is switched off."""

    authorize_url: WebAddress
    token_url: WebAddress
    profile_url: WebAddress
    client_id: str = ""
    #: VK ID has none.
    client_secret: str = ""
    #: Where the provider sends browsers back to, to the letter; empty = our own endpoint that exchanges the code.
    redirect_url: ExactAddress = ""
    #: The same for single dialects: {"greetings": "https://…"}.
    redirect_urls: dict[str, ExactAddress] = {}
    #: Believe only tokens that our own exchange brought, where the provider cannot tell whom a token was made for.
    own_tokens_only: bool = False
    #: The older VK's application token; empty = asked for by name and secret.
    service_key: str = ""


class OauthSettings(Section):
    """VK ID is ``vk``, the older flow of greetings ``vk_legacy``."""

    yandex: ProviderSettings
    vk: ProviderSettings
    vk_legacy: ProviderSettings
    mailru: ProviderSettings
    #: For one call of a provider.
    timeout_seconds: Seconds
    #: How long somebody may take to choose who they are.
    attempt_seconds: int = Field(ge=60, le=600)

    def providers(self) -> dict[str, ProviderSettings]:
        return {"yandex": self.yandex, "vk": self.vk, "vk_legacy": self.vk_legacy, "mailru": self.mailru}


class OrderSettings(Section):
    """How long people are waited for before the system takes the next step of an order."""

    #: Until the creator accepts, after the order or its payment.
    accept_days: float = Field(gt=0)
    #: Until the buyer approves, after a delivery.
    approve_days: float = Field(gt=0)
    #: Until the creator delivers anew what the buyer sent back.
    revise_days: float = Field(gt=0)
    #: How often the clock is looked at.
    check_seconds: Seconds


class OutboxSettings(Section):
    #: Seconds that sending one letter, or one call of the payment provider, may take. Whoever dies over it loses it to
    #: others after that: longer loses time after a crash, shorter cuts off slow mail servers.
    lease_seconds: float = Field(ge=1)


class NotificationSettings(Section):
    #: How long something may stay unseen before a mail tells of it.
    digest_minutes: float = Field(gt=0)
    #: How long a notification is kept after it was read.
    keep_days: float = Field(gt=0)


class FileSettings(Section):
    """Limits in bytes (D38)."""

    avatar_limit: int = Field(ge=1)
    image_limit: int = Field(ge=1)
    video_limit: int = Field(ge=1)
    other_limit: int = Field(ge=1)
    quota: int = Field(ge=1)
    max_pixels: int = Field(ge=1)


class LimitSettings(Section):
    """Tries per time, such as ``10/minute``; several, as in ``5/minute; 20/hour``, all hold.

    ``url`` shares the counts between processes.
    """

    enabled: bool
    url: Annotated[
        str, must_be("an address that begins with redis:// or rediss://", lambda url: not url or is_redis(url))
    ] = ""
    #: Failures of strangers, by address and by account.
    login_address: Rate
    login_account: Rate
    #: Failures of whoever has been signed in to the account before, by device or session.
    login_known: Rate
    registration: Rate
    mailed_link: Rate
    mailed_token: Rate
    #: Messages of one person, and people that they write to for the first time.
    message: Rate
    conversation: Rate
    anonymous_form: Rate
    #: Orders to the studio: of guests by address, and of one person.
    guest_order: Rate
    studio_order: Rate
    sign_in_attempt: Rate


class S3Settings(Section):
    """A bucket. All of it or nothing; the storage that is not chosen may be given, too, while files are moved."""

    endpoint: Annotated[str, must_be("a web address, or empty", lambda url: not url or is_web_address(url))] = ""
    bucket: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = ""

    @property
    def is_given(self) -> bool:
        return bool(self.endpoint)


class StorageSettings(Section):
    #: Where new files are kept: in ``media`` of the data directory, or in a bucket.
    kind: Literal["local", "s3"]
    s3: S3Settings


class StudioSettings(Section):
    #: From the button "process" to the work.
    process_seconds: float = Field(ge=0)


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"]
    format: Literal["json", "text"]
