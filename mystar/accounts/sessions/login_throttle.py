"""How many guesses somebody has (promise S4).

Failures are counted by address and by account, so strangers can bring an account to the point where it answers nobody
for a while. Its owner is not a stranger: a device that was signed in before carries a signed mark, an application
still has a token of a living session. Their failures are counted apart, so whoever guesses locks out himself only.
"""

from __future__ import annotations

from dataclasses import dataclass

from mystar.accounts.model import Actor, ClientInfo
from mystar.accounts.sessions.service import Sessions
from mystar.kit.security.rate_limits import RateLimits


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to show who one is, and where its failure counts."""

    _limits: RateLimits
    _counts: tuple[tuple[object, ...], ...]

    async def check(self) -> None:
        """:raises TooMany: there were too many failures already."""
        for name, *key in self._counts:
            await self._limits.check(str(name), *key)

    async def failed(self) -> None:
        """Count it. :raises TooMany: others who failed at the same moment were faster."""
        for name, *key in self._counts:
            await self._limits.hit(str(name), *key)


class LoginThrottle:
    """Tells strangers from those who have been here before."""

    def __init__(self, limits: RateLimits, sessions: Sessions) -> None:
        self._limits, self._sessions = limits, sessions

    async def attempt(self, client: ClientInfo, who: object, account_id: int | None) -> Attempt:
        """:param who: what was typed; counted when it is nobody's, so that it looks the same."""
        known = await self._sessions.recognize_device(client, account_id) if account_id else None
        if known:
            return Attempt(self._limits, (("login_known", account_id, known),))
        key = account_id or who
        return Attempt(self._limits, (("login_address", client.address), ("login_account", key)))

    def reauthentication(self, actor: Actor) -> Attempt:
        """Somebody inside shows once more who they are."""
        return Attempt(self._limits, (("login_known", actor.id, actor.session_id),))
