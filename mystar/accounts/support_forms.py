"""Forms for support, which need no account."""

from __future__ import annotations

from mystar.accounts.credentials import normalize_email, normalize_phone
from mystar.accounts.drafts import normalize_field
from mystar.accounts.model import ClientInfo
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Database
from mystar.kit.security.rate_limits import RateLimits


class SupportForms:
    """Mails forms to support.

    :param support: the address of support.
    """

    def __init__(self, db: Database, *, mailer: Mailer, limits: RateLimits, support: str) -> None:
        self._db, self._mailer, self._limits, self._support = db, mailer, limits, support

    async def request_to_become_star(self, client: ClientInfo, *, name: str, phone: str, email: str) -> None:
        """:raises Invalid: by field. :raises TooMany: per client address."""
        email = normalize_field("email", normalize_email, email) or ""
        phone = normalize_field("phone", normalize_phone, phone) or ""
        await self._pass_on("star_request", client, name=name, phone=phone or "—", email=email)

    async def ask_support(self, client: ClientInfo, *, username: str, email: str, text: str) -> None:
        """:raises Invalid: the e-mail. :raises TooMany: per client address."""
        email = normalize_field("email", normalize_email, email) or ""
        await self._pass_on("support_question", client, username=username, email=email, text=text)

    async def _pass_on(self, template: str, client: ClientInfo, **values: str) -> None:
        await self._limits.hit("anonymous_form", template, client.address)
        async with self._db.transaction() as tx:
            await self._mailer.queue(
                tx,
                template,
                self._support,
                client.language,
                dialect="greetings",
                reply_to=values["email"],
                **values,
            )
