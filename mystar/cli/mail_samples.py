"""``python -m mystar mail samples``: every mail, also with each sentence that some have, into one mailbox."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import click

from mystar.cli.context import load_and_configure
from mystar.settings import Settings


@click.command("samples")
@click.option("--to", default="samples@example.com", show_default=True, help="The address that they are sent to.")
def send_samples(to: str) -> None:
    """Send each kind of mail in both languages with sample values, as in the sandbox's mailbox; not in production."""
    settings = load_and_configure()
    if settings.profile == "production":
        raise click.ClickException("Samples are not sent in production.")
    mails = list(_mails(settings.mail.sender, to))
    if refusal := asyncio.run(_send(settings, mails)):
        raise click.ClickException(refusal)
    click.echo(f"Sent {len(mails)} mails to {to}.")


async def _send(settings: Settings, mails: list[dict[str, str]]) -> str:
    """Why they were not accepted; "" if they were."""
    import aiosmtplib

    from mystar.infrastructure import smtp_sender
    from mystar.kit.clock import Clock
    from mystar.kit.outbox.model import GiveUp, OutboxMessage, Postpone

    sender = smtp_sender(settings.mail, Clock())
    try:
        for payload in mails:
            await sender.send(OutboxMessage(0, "mail", None, uuid.uuid4(), payload, 1))
    except (aiosmtplib.SMTPException, Postpone, GiveUp, OSError, ValueError) as error:
        return f"The mails were not accepted: {error}"
    finally:
        await sender.close()
    return ""


def _mails(sender: str, to: str) -> Iterator[dict[str, str]]:
    from mystar.texts.library import editable
    from mystar.texts.samples import preview

    for name in editable():
        for language, mail in preview(name).items():
            if mail.html:
                subject = f"{mail.subject} [{name}, {language}]"
                yield {"to": to, "from": sender, **mail._asdict(), "subject": subject, "language": language}
