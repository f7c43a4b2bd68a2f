"""``check --deep``: asks everything that the service depends on whether it works, and names the setting at fault.

Each probe yields sentences that begin with a setting; none is printed with its value. A probe changes nothing that
stays: the object it writes into the storage is deleted again.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import ssl
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime

import aiosmtplib
from yarl import URL

from mystar.errors import Unavailable
from mystar.files.storage_selection import storages
from mystar.infrastructure import smtp_sender
from mystar.kit.clock import Clock
from mystar.kit.outbox.model import GiveUp, OutboxMessage, Postpone
from mystar.kit.postgres.database import Database
from mystar.payments.gateways.yookassa import YooKassa
from mystar.payments.provider import ProviderError
from mystar.settings import Settings

#: Seconds that one probe may take.
_TIMEOUT = 15.0
#: Bytes of the data directory below which uploads are about to fail.
_LOW_DISK = 1 << 30
#: Seconds that the clocks of this machine and of the database may differ: links and holds expire by them.
_CLOCK_DRIFT = 5.0
_CERTIFICATE_DAYS = 14

Problems = AsyncGenerator[str, None]


async def problems(settings: Settings, dsn: str, *, deep: bool) -> list[str]:
    """What does not work, one sentence for each; empty when all is well.

    :param deep: ask everything; otherwise only what answers at once and changes nothing elsewhere.
    """
    found: list[str] = []
    for probe in _DEEP if deep else _QUICK:
        found += await _run(probe(settings), probe)
    return found + (await _run(_clock(dsn), _clock) if deep else [])


async def send_mail(settings: Settings, to: str) -> str | None:
    """Send a test mail. Returns why it was not accepted; None if it was."""
    texts = {"subject": "mystar", "text": "mystar\n", "html": "<p>mystar</p>", "language": "en"}
    payload = {"to": to, "from": settings.mail.sender, **texts}
    sender = smtp_sender(settings.mail, Clock())
    try:
        await sender.send(OutboxMessage(0, "mail", None, uuid.uuid4(), payload, 1))
    except (aiosmtplib.SMTPException, Postpone, GiveUp, OSError, ValueError) as error:
        return f"The mail was not accepted: {error}"
    finally:
        await sender.close()
    return None


async def _run(probe: Problems, name: Callable[..., object]) -> list[str]:
    found: list[str] = []
    try:
        async with asyncio.timeout(_TIMEOUT), aclosing(probe):
            async for problem in probe:
                found.append(problem)
    except TimeoutError:
        found.append(f"{name.__name__.strip('_')}: no answer within {_TIMEOUT:.0f} seconds")
    return found


async def _data_dir(settings: Settings) -> Problems:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        trial = settings.data_dir / f".check-{uuid.uuid4().hex}"
        trial.write_bytes(b"check")
        trial.unlink()
    except OSError as error:
        yield f"MYSTAR_DATA_DIR: cannot be written: {error.strerror}"
        return
    if (free := shutil.disk_usage(settings.data_dir).free) < _LOW_DISK:
        yield f"MYSTAR_DATA_DIR: only {free >> 20} MB are free"


async def _mail(settings: Settings) -> Problems:
    sender = smtp_sender(settings.mail, Clock())
    try:
        await sender.check()
    except aiosmtplib.SMTPAuthenticationError as error:
        yield f"MYSTAR_MAIL__USERNAME or __PASSWORD: the mail server answered {error.code}"
    except (aiosmtplib.SMTPException, OSError) as error:
        yield f"MYSTAR_MAIL__HOST, __PORT or __START_TLS: {error}"
    finally:
        await sender.close()


async def _storage(settings: Settings) -> Problems:
    selected = storages(settings.storage, settings.data_dir / "media").named(settings.storage.kind)
    section = "MYSTAR_STORAGE__S3__…" if settings.storage.kind == "s3" else "MYSTAR_DATA_DIR"
    key, content = f"check/{uuid.uuid4()}.txt", secrets.token_bytes(64)
    try:
        async with selected.stage() as staged:
            await staged.write(content)
            await staged.finish()
            await staged.commit(key)
        async with selected.open(key) as chunks:
            if b"".join([chunk async for chunk in chunks]) != content:
                yield f"{section}: the storage returned other bytes than were written"
        await selected.delete(key)
        if await selected.exists(key):
            yield f"{section}: the storage does not delete"
    except Exception as error:
        yield f"{section}: the storage cannot be used: {error.__cause__ or type(error).__name__}"
    finally:
        await selected.close()


async def _redis(settings: Settings) -> Problems:
    import redis.asyncio as redis

    for name, url in (("MYSTAR_LIMITS__URL", settings.limits.url), ("MYSTAR_BUS__URL", settings.bus.url)):
        if not url.startswith(("redis://", "rediss://")):
            continue
        client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        try:
            await client.ping()
        except (redis.RedisError, OSError) as error:
            yield f"{name}: Redis does not answer: {type(error).__name__}"
        finally:
            await client.aclose()


async def _provider(settings: Settings) -> Problems:
    shop = settings.payments.yookassa
    gateway = YooKassa(url=shop.url, shop_id=shop.shop_id, secret_key=shop.secret_key, timeout=shop.timeout_seconds)
    try:
        await gateway.list_payments(None)
        taken = await gateway.payment_methods()
        for method in settings.payments.methods:
            if taken is not None and method not in taken:
                yield f"MYSTAR_PAYMENTS__METHODS: the provider does not take {method} from this shop"
    except ProviderError as error:
        yield f"MYSTAR_PAYMENTS__YOOKASSA__SHOP_ID, __SECRET_KEY or __URL: {error or type(error).__name__}"
    finally:
        await gateway.close()


async def _proxies(settings: Settings) -> Problems:
    if settings.http.public_url.startswith("https://") and not settings.http.trusted_proxies:
        yield (
            "MYSTAR_HTTP__TRUSTED_PROXIES: the public URL is https, so a proxy is in front, but none is trusted: all "
            "clients share its address, and ten wrong log-ins lock out all of them"
        )


async def _public_url(settings: Settings) -> Problems:
    url, loop = URL(settings.http.public_url), asyncio.get_running_loop()
    assert url.host is not None
    try:
        await loop.getaddrinfo(url.host, url.port)
    except OSError:
        yield f"MYSTAR_HTTP__PUBLIC_URL: the name {url.host} does not resolve"
        return
    if url.scheme != "https":
        return
    try:
        certificate = await asyncio.to_thread(_certificate, url)
    except (ssl.SSLError, OSError) as error:
        yield f"MYSTAR_HTTP__PUBLIC_URL: no valid TLS at {url.host}: {error}"
        return
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    if (days := (ends - datetime.now(UTC)).days) < _CERTIFICATE_DAYS:
        yield f"MYSTAR_HTTP__PUBLIC_URL: the certificate ends in {days} days"


async def _replica(settings: Settings) -> Problems:
    url = settings.database.replica_url
    if not url:
        return
    try:
        replica = await Database.connect(url, max_size=1, acquire_timeout=5, prepare=False)
    except Unavailable:
        yield "MYSTAR_DATABASE__REPLICA_URL: the standby does not answer, so the primary answers everything"
        return
    try:
        if not await replica.value("select pg_is_in_recovery()"):
            yield "MYSTAR_DATABASE__REPLICA_URL: the server is not a standby and is not used"
    finally:
        await replica.close()


_QUICK = (_data_dir, _proxies)
_DEEP = (_data_dir, _replica, _mail, _storage, _redis, _provider, _proxies, _public_url)


def _certificate(url: URL) -> dict[str, object]:
    context = ssl.create_default_context()
    address = (str(url.host), int(url.port or 443))
    with socket.create_connection(address, 5) as plain, context.wrap_socket(plain, server_hostname=url.host) as tls:
        return dict(tls.getpeercert() or {})


async def _clock(dsn: str) -> Problems:
    db = await Database.connect(dsn, max_size=1, prepare=False)
    try:
        drift = abs((await db.value("select clock_timestamp()") - Clock().now()).total_seconds())
    finally:
        await db.close()
    if drift > _CLOCK_DRIFT:
        yield f"MYSTAR_DATABASE__URL: the clocks of the database and of this machine differ by {drift:.0f} seconds"
