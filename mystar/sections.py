"""The sections of the configuration, ``[http]`` to ``[log]`` in ``config/default.toml``: types, bounds and meaning."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from mystar.kit.outbox.web_push import VapidKey
from mystar.kit.postgres.driver import is_one_host
from mystar.kit.setting_kinds import (
    DatabaseAddress,
    ExactAddress,
    Mailbox,
    Networks,
    Origins,
    Port,
    Rate,
    Seconds,
    Section,
    SiteAddress,
    TokenSeconds,
    WebAddress,
    is_port,
    is_redis,
    is_web_address,
    must_be,
)


class HttpSettings(Section):
    #: The address that the service listens on.
    host: str
    #: The port that it listens on; 0 = a free one.
    port: Port
    #: What links in mails and answers begin with; without a slash at the end. By default made of host and port.
    public_url: SiteAddress
    #: Where the site is, if its pages are not the service's own; without a slash at the end. See the section ``site``.
    site_url: Annotated[str, must_be("a web address, or empty", lambda url: not url or is_web_address(url))] = ""
    #: Networks of proxies whose `X-Forwarded-For` is trusted; with none, all clients behind a proxy share its address.
    trusted_proxies: Networks = ()
    #: Origins whose pages may call the API; `*` = any.
    cors_origins: Origins = ()
    #: Bytes of a form body; uploads have limits of their own.
    max_body: int = Field(ge=1024)
    #: Bytes of a JSON body.
    max_json: int = Field(ge=1024)
    #: Seconds until the head of a request is complete.
    head_seconds: Seconds
    #: Seconds that a connection may wait for its next request.
    keepalive_seconds: Seconds
    #: Seconds in which a client reads at least as many kilobytes of an answer, or is disconnected.
    write_seconds: Seconds
    #: Open connections of one client address, except of trusted proxies. IPv6: of one /64.
    connections_per_address: int = Field(ge=1)
    #: Whether answers above a kilobyte are compressed; false where the proxy does it.
    compress: bool
    #: Bytes of catalogue answers and lists of orders that each process keeps; 0 = none. They are never out of date.
    cache_bytes: int = Field(ge=0)
    #: Networks that may read /metrics.
    metrics_from: Networks = ()
    #: Seconds for which the figures of /metrics are kept.
    metrics_seconds: float = Field(ge=0)
    #: Seconds after SIGTERM during which /readyz answers 503 and requests are still accepted, for load balancers.
    drain_seconds: float = Field(ge=0)
    #: Seconds after that in which requests in flight may end.
    shutdown_seconds: Seconds
    #: The event loop: uvloop is faster.
    event_loop: Literal["uvloop", "asyncio"]

    @model_validator(mode="before")
    @classmethod
    def derive_public_url(cls, values: Any) -> Any:
        """A service that listens everywhere is found on this machine at 127.0.0.1."""
        if isinstance(values, dict) and not values.get("public_url"):
            host = str(values.get("host", ""))
            shown = "127.0.0.1" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host
            # A wrong port is reported as itself.
            port = str(values.get("port"))
            return {**values, "public_url": f"http://{shown}:{port}" if is_port(port) else f"http://{shown}"}
        return values


class SandboxSettings(Section):
    """The stand-ins for the outside world that ``mystar run`` starts."""

    #: The port of their pages.
    port: Port
    #: The port of their mail server.
    smtp_port: Port


class DatabaseSettings(Section):
    #: Empty = the embedded server in the data directory. In a URL the signs @ / % of a password are %40 %2F %25.
    url: DatabaseAddress = ""
    #: A streaming standby of it, which answers searches and reviews for guests; empty = the database itself does.
    replica_url: Annotated[
        str, must_be("the address of one standby, or empty", lambda url: not url or is_one_host(url))
    ]
    #: Seconds that an answer of the standby may be old; otherwise the database itself answers.
    replica_seconds: float = Field(gt=0, le=3600)
    #: Connections to PostgreSQL of one process, one more with a PostgreSQL bus; as many to the standby.
    pool_size: int = Field(ge=1, le=200)
    #: Milliseconds after which PostgreSQL cancels a statement.
    statement_timeout_ms: int = Field(ge=100)
    #: Seconds to wait for a free connection, then the answer is 503.
    acquire_seconds: Seconds
    #: False behind a PgBouncer that pools transactions: its sessions do not keep prepared statements.
    prepared_statements: bool


class TokenSettings(Section):
    """Lifetimes in seconds (D5); a dialect without refresh tokens has a long-lived access token."""

    #: Access tokens of the market dialect.
    house_access: TokenSeconds
    #: Refresh tokens of the market dialect.
    house_refresh: TokenSeconds
    #: Access tokens of the identity dialect.
    identity_access: TokenSeconds
    #: Refresh tokens of the identity dialect.
    identity_refresh: TokenSeconds
    #: Access tokens of the studio dialect.
    studio_access: TokenSeconds
    #: Refresh tokens of the studio dialect.
    studio_refresh: TokenSeconds
    #: Tokens of the greetings dialect.
    greetings_access: TokenSeconds
    #: Tokens of the messenger dialect.
    messenger_access: TokenSeconds
    #: The panel's cookie.
    admin_access: TokenSeconds
    #: A session ends when it has not been refreshed for this long.
    refresh_idle: TokenSeconds
    #: A session ends after this long however often it is refreshed (promise S2).
    refresh_longest: TokenSeconds
    #: The links in mails.
    confirm_email: int = Field(ge=60)
    #: The link that resets a password.
    reset_password: int = Field(ge=60)
    #: Links to private files.
    signed_link: int = Field(ge=60)


class PasswordSettings(Section):
    #: The cost of bcrypt: each step doubles the time of a log-in.
    bcrypt_cost: int = Field(ge=4, le=16)
    #: Passwords that are hashed at the same time.
    threads: int = Field(ge=1, le=64)
    #: A range service of leaked passwords, such as https://api.pwnedpasswords.com/range; empty = not asked.
    breach_url: Annotated[str, must_be("a web address, or empty", lambda url: not url or is_web_address(url))] = ""


class SecuritySettings(Section):
    #: Whether staff have to have a second factor; until one is set up, their role does not count.
    staff_second_factor: bool
    #: Days for which a browser may be remembered, so that it gives its second factor once; 0 = never.
    remember_days: int = Field(ge=0, le=365)
    #: The host that passkeys belong to: they work there and on its subdomains. Empty = the public address, or the site
    #: where the service is on a subdomain of it. Other hosts make all passkeys useless.
    rp_id: Annotated[
        str, must_be("a host name, or empty", lambda host: not host or is_web_address(f"https://{host}"))
    ] = ""
    #: Further origins whose pages may ask for passkeys, beside the public address and the site.
    passkey_origins: Annotated[
        Origins, must_be("exact origins", lambda all_: not any(set("*") & set(one) or one == "null" for one in all_))
    ] = ()


class MailSettings(Section):
    #: The SMTP server.
    host: str
    #: Its port: 587 with STARTTLS, 465 with TLS from the start.
    port: Port
    #: Empty = no log-in.
    username: str = ""
    #: Of the log-in.
    password: str = ""
    #: "auto" uses STARTTLS if the server offers it, "required" insists on it, "tls" is TLS from the start.
    start_tls: Literal["never", "auto", "required", "tls"]
    #: The sender of every mail.
    sender: Mailbox
    #: Where messages to support and notices to staff go.
    support: Mailbox
    #: For each step of the SMTP dialogue.
    timeout_seconds: Seconds

    @field_validator("start_tls", mode="before")
    @classmethod
    def accept_booleans(cls, value: Any) -> Any:
        modes = {"true": "required", "1": "required", "false": "never", "0": "never"}
        return modes.get(str(value).lower(), value)


class ProviderSettings(Section):
    """One sign-in provider. Without a client id it is switched off."""

    #: Where a person confirms the sign-in.
    authorize_url: WebAddress
    #: Where a code is exchanged for a token.
    token_url: WebAddress
    #: Where the profile is read.
    profile_url: WebAddress
    #: Empty = this provider is switched off.
    client_id: str = ""
    #: VK ID has none.
    client_secret: str = ""
    #: The redirect URL registered with the provider, literally; empty = the service's own callback.
    redirect_url: ExactAddress = ""
    #: The same for single dialects: {"greetings": "https://…"}.
    redirect_urls: dict[str, ExactAddress] = {}
    #: What is asked for, where it is not what the provider gives anyway: "email phone" of VK ID. Empty = the usual.
    scope: str = ""
    #: Accept only tokens from the service's own code exchange, for providers that do not tell a token's audience.
    own_tokens_only: bool = False
    #: The application token of the older VK; empty = requested with client id and secret.
    service_key: str = ""


class OauthSettings(Section):
    """VK ID is ``vk``, the older flow of greetings ``vk_legacy``."""

    yandex: ProviderSettings
    vk: ProviderSettings
    vk_legacy: ProviderSettings
    mailru: ProviderSettings
    #: For one call of a provider.
    timeout_seconds: Seconds
    #: How long a sign-in may take at the provider.
    attempt_seconds: int = Field(ge=60, le=600)

    def providers(self) -> dict[str, ProviderSettings]:
        return {"yandex": self.yandex, "vk": self.vk, "vk_legacy": self.vk_legacy, "mailru": self.mailru}


class OutboxSettings(Section):
    #: Seconds that sending a mail, or a call of the payment provider, may take. After a crash the message is sent again
    #: this much later: a longer lease delays it, a shorter one cuts off slow mail servers.
    lease_seconds: float = Field(ge=1)


class NotificationSettings(Section):
    #: Mails about one kind of event, such as new orders, to one account in an hour; the others come as one digest.
    mails_per_hour: int = Field(ge=1, le=1000)
    #: How long a notification may stay unseen before it is mailed.
    digest_minutes: float = Field(gt=0)
    #: How long a notification is kept after it was read.
    keep_days: float = Field(gt=0)
    #: How long a notification is kept that was never read.
    keep_unread_days: float = Field(gt=0)


class PushSettings(Section):
    """Web push. Without a key it is switched off; development and tests generate one in the data directory."""

    #: The VAPID key, 32 bytes in base64url, from `mystar push-key`. Browsers that subscribed with another one are not
    #: reached.
    private_key: Annotated[str, must_be("32 bytes in base64url, or empty", lambda key: not key or VapidKey(key))] = ""
    #: How long push services keep a message for a browser that is not running.
    ttl_hours: float = Field(gt=0, le=672)
    #: For one message.
    timeout_seconds: Seconds
    #: Send also to http and to private addresses, as the sandbox has; for development and tests only.
    allow_private: bool = False


class FileSettings(Section):
    """Limits in bytes (D38)."""

    #: Of an avatar.
    avatar_limit: int = Field(ge=1)
    #: Of any other picture.
    image_limit: int = Field(ge=1)
    #: Of a video.
    video_limit: int = Field(ge=1)
    #: Of any other file.
    other_limit: int = Field(ge=1)
    #: Of all files of one account.
    quota: int = Field(ge=1)
    #: Of all files of an account whose e-mail is not confirmed.
    unconfirmed_quota: int = Field(ge=1)
    #: Of all files of all guests together.
    guest_quota: int = Field(ge=1)
    #: Days for which pictures of guests are kept.
    guest_days: float = Field(gt=0)
    #: Uploads of one account, or of the guests of one address, at a time.
    uploads_at_once: int = Field(ge=1)
    #: Largest width × height of a picture that is decoded.
    max_pixels: int = Field(ge=1)
    #: Of an animation.
    max_frames: int = Field(ge=1)


class PrivacySettings(Section):
    #: Days for which the archive of an export is kept.
    export_days: float = Field(gt=0)
    #: Hours for which the mailed link to an archive works.
    export_link_hours: float = Field(gt=0)
    #: Bytes of files in one archive; what is beyond is listed and left out.
    export_max_bytes: int = Field(ge=1024)
    #: Days between the request and the erasure of an account, in which it can be withdrawn.
    erasure_days: float = Field(ge=0)


class LimitSettings(Section):
    """Attempts per time, such as ``10/minute``; of several, as in ``5/minute; 20/hour``, each applies.

    ``url``: a Redis that shares the counts between processes.
    """

    #: False lets everything pass; for tests only.
    enabled: bool
    #: A Redis that shares the counts between processes.
    url: Annotated[
        str, must_be("an address that begins with redis:// or rediss://", lambda url: not url or is_redis(url))
    ] = ""
    #: All log-ins and password checks, also successful ones, by address.
    login_attempt: Rate
    #: All log-ins and password checks of one account.
    login_attempt_account: Rate
    #: Failed log-ins from unknown devices by address.
    login_address: Rate
    #: Failed log-ins by typed log-in and address.
    login_account: Rate
    #: Failed log-ins of an account from all addresses.
    login_strangers: Rate
    #: Failed log-ins from a device or session that the account knows.
    login_known: Rate
    #: Codes and passkeys of sign-ins, also right ones, by address.
    second_factor_address: Rate
    #: The same of one account from unknown devices.
    second_factor: Rate
    #: The same from a device or session that the account knows.
    second_factor_known: Rate
    #: Sign-ins with a passkey alone that are begun, by address.
    passkey_sign_in: Rate
    #: Second factors that an account adds, removes or renews.
    factor_change: Rate
    #: Registrations by address.
    registration: Rate
    #: Mails with links to one address.
    mailed_link: Rate
    #: Uses of mailed links by address.
    mailed_token: Rate
    #: Messages of one account.
    message: Rate
    #: Conversations that an account begins.
    conversation: Rate
    #: Messages to support by address.
    anonymous_form: Rate
    #: Orders of one account.
    order: Rate
    #: Orders of one account for the services and greetings of one creator.
    order_again: Rate
    #: Browsers that an account subscribes to push messages.
    push_subscription: Rate
    #: Custom offers that a creator sends.
    offer: Rate
    #: Reports about others.
    report: Rate
    #: What an account does with orders, bought or sold: each is told to the other party, or asks the provider.
    order_action: Rate
    #: Revisions that an account requests.
    revision: Rate
    #: Disputes that an account opens.
    dispute: Rate
    #: Payments that an account begins.
    payment: Rate
    #: Reviews and replies of one account.
    review: Rate
    #: Payouts that an account asks for or withdraws.
    payout: Rate
    #: Changes of the payout details of one account, which are mailed.
    payout_details: Rate
    #: Services, portfolio items and their images that an account adds.
    listing: Rate
    #: Files that an account uploads.
    upload: Rate
    #: All requests of one account that change something, these included.
    write: Rate
    #: The same of guests, by address.
    guest_write: Rate
    #: Orders to the studio of guests by address.
    guest_order: Rate
    #: Orders to the studio of one account.
    studio_order: Rate
    #: Sign-ins through providers by address.
    sign_in_attempt: Rate
    #: Exports of an account's data.
    data_export: Rate
    #: Requests for the erasure of an account.
    erasure: Rate


class StudioSettings(Section):
    #: From staff's "process" to the start of the work.
    process_seconds: float = Field(ge=0)
