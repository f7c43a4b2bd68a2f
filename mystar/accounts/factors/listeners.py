"""What ends a sign-in that waits for its second step."""

from __future__ import annotations

from mystar.accounts.factors.repository import FactorRepository
from mystar.accounts.model import SessionsEnded
from mystar.kit.events import Events
from mystar.kit.postgres.database import Tx


def listen(events: Events) -> None:
    events.on(SessionsEnded, _end_challenges)


async def _end_challenges(tx: Tx, event: SessionsEnded) -> None:
    """All sessions end with a new password, a block or a reset: so does what the old password began."""
    if event.session_id is None:
        await FactorRepository(tx).end_challenges(event.account_id)
