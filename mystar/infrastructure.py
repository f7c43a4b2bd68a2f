"""What every domain is given: database, outbox, mail, rate limits, signatures, metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

from aiohttp import web
from prometheus_client import CollectorRegistry

from mystar.errors import MystarError
from mystar.kit.clock import Clock
from mystar.kit.events import Events
from mystar.kit.health import Health
from mystar.kit.outbox.mail import ACCOUNT_TOPIC as ACCOUNT_MAIL
from mystar.kit.outbox.mail import TOPIC as MAIL
from mystar.kit.outbox.mail import Mailer, SmtpSender
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.outbox.texts import TextStore
from mystar.kit.postgres.database import Database
from mystar.kit.postgres.personal_data import PersonalData, PersonalDataRegistry, PersonalQueries
from mystar.kit.postgres.pool import Pool
from mystar.kit.postgres.replica import Replica
from mystar.kit.postgres.session import SESSION
from mystar.kit.security.rate_limits import RateLimits
from mystar.kit.security.tokens import Signer
from mystar.kit.web.idempotency_repository import PERSONAL_DATA as ANSWER_DATA
from mystar.kit.web.observability import Metrics
from mystar.kit.web.routes import Route
from mystar.kit.web.site import Site
from mystar.sections import DatabaseSettings, MailSettings
from mystar.settings import Settings

#: Makes the domain error of a violated constraint, by the constraint's name.
Constraints = Mapping[str, Callable[[], MystarError]]


@dataclass(frozen=True)
class Infrastructure:
    """What every domain is given.

    ``account_mailer`` is for mails about access to an account, ``mailer`` for all others.
    """

    settings: Settings
    clock: Clock
    events: Events
    db: Database
    outbox: Outbox
    mailer: Mailer
    account_mailer: Mailer
    smtp: SmtpSender
    signer: Signer
    limits: RateLimits
    metrics: Metrics
    site: Site
    texts: TextStore
    #: What is measured for the alarms.
    health: Health
    #: What each domain has of a person.
    personal_data: PersonalDataRegistry

    def add_personal_data(self, *queries: PersonalQueries) -> None:
        """Register what a domain has of persons, when the domain is built."""
        for one in queries:
            self.personal_data.add(PersonalData(self.db, one))

    async def close(self, _app: web.Application) -> None:
        await self.smtp.close()
        await self.limits.close()
        await self.db.close()


def smtp_sender(
    mail: MailSettings, clock: Clock, registry: CollectorRegistry | None = None, signer: Signer | None = None
) -> SmtpSender:
    """A sender with the configured mail server, not connected yet."""
    return SmtpSender(
        clock,
        signer,
        host=mail.host,
        port=mail.port,
        username=mail.username,
        password=mail.password,
        security=mail.start_tls,
        timeout=mail.timeout_seconds,
        registry=registry,
    )


class Domain(Protocol):
    """What the module ``setup`` of a domain offers to the composition root."""

    @property
    def ROUTES(self) -> Sequence[Route]: ...

    @property
    def CONSTRAINTS(self) -> Constraints: ...

    def add(self, app: web.Application, infra: Infrastructure, /) -> None:
        """Put the domain's services into ``app``, register its listeners and its background work."""


def _mailers(mail: MailSettings, outbox: Outbox, site: Site, texts: TextStore) -> tuple[Mailer, Mailer]:
    """For all mails but those about access to an account, and for these."""
    make = partial(Mailer, outbox, sender=mail.sender, brand=site.name, reply_to=mail.support, texts=texts)
    return make(), make(topic=ACCOUNT_MAIL)


async def build_infrastructure(settings: Settings, dsn: str, clock: Clock, constraints: Constraints) -> Infrastructure:
    """Connect to the migrated database and build what needs only the settings.

    :param constraints: makes the domain error of a violated constraint, by its name.
    :raises Unavailable: the database cannot be reached.
    """
    if settings.time_zone:
        clock.zone = ZoneInfo(settings.time_zone)
    events, metrics = Events(), Metrics()
    db = await Database.connect(
        dsn,
        max_size=settings.database.pool_size,
        statement_timeout_ms=settings.database.statement_timeout_ms,
        acquire_timeout=settings.database.acquire_seconds,
        prepare=settings.database.prepared_statements,
        constraints=constraints,
        events=events,
    )
    db.pool.observe_wait = metrics.pool_seconds.observe
    if settings.database.replica_url:
        db.replica = _replica(settings.database, metrics)
    outbox = Outbox(db, clock, lease=settings.outbox.lease_seconds)
    signer = Signer(settings.secret_key, previous=settings.previous_secret_keys)
    smtp = smtp_sender(settings.mail, clock, metrics.registry, signer)
    outbox.handle(MAIL, smtp.send)
    outbox.handle(ACCOUNT_MAIL, smtp.send)
    texts = TextStore(metrics.registry)
    site = Site(settings.http.site_url, settings.site)
    mailer, account_mailer = _mailers(settings.mail, outbox, site, texts)
    rules = settings.limits.model_dump(exclude={"enabled", "url"})
    personal_data = PersonalDataRegistry()
    personal_data.add(outbox.personal_data)
    personal_data.add(PersonalData(db, ANSWER_DATA))
    return Infrastructure(
        settings,
        clock,
        events,
        db,
        outbox,
        mailer,
        account_mailer,
        smtp,
        signer,
        RateLimits(rules, url=settings.limits.url, enabled=settings.limits.enabled, registry=metrics.registry),
        metrics,
        site,
        texts,
        _health(outbox, smtp),
        personal_data,
    )


def _replica(database: DatabaseSettings, metrics: Metrics) -> Replica:
    """Not connected yet: the service starts without its standby."""
    pool = Pool(
        database.replica_url,
        {**SESSION, "statement_timeout": database.statement_timeout_ms},
        max_size=database.pool_size,
        # The primary answers instead, so there is no point in waiting long.
        acquire_timeout=min(database.replica_seconds, database.acquire_seconds),
        answer_timeout=database.statement_timeout_ms / 1000 + 5,
        prepare=database.prepared_statements,
    )
    return Replica(pool, database.replica_seconds, metrics.registry)


def _health(outbox: Outbox, smtp: SmtpSender) -> Health:
    health = Health()
    health.watch(outbox.ages)
    health.watch_trouble("mail_refused", "", lambda: smtp.trouble)
    return health
