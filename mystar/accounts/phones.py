"""Proof of phones: an unproven phone yields to the account whose owner proves it.

The service sends no SMS. A phone is proven when a sign-in provider hands over the one that it has verified, or when the
staff have seen a proof.
"""

from __future__ import annotations

from dataclasses import dataclass

from mystar.accounts.model import Account, FieldChanged
from mystar.accounts.repository import AccountRepository
from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import Mailer
from mystar.kit.postgres.database import Tx


@dataclass(frozen=True, slots=True)
class PhoneProven:
    """``by``: the provider, or "staff", that vouched for the phone of the account."""

    account_id: int
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PhoneReleased:
    """The account lost a phone that it had not proven to ``taken_by``, which has."""

    account_id: int
    taken_by: int


class PhoneProofs:
    """Gives phones to those who prove them, within the caller's transaction."""

    def __init__(self, mailer: Mailer, clock: Clock) -> None:
        self._mailer, self._clock = mailer, clock

    async def prove(self, tx: Tx, account: Account, phone: str, *, by: str, reason: str = "") -> bool:
        """Set the phone of a locked account as proven; an account that had not proven it loses it and is told.

        :param by: a provider, or "staff".
        :returns: False when another account has proven it before, and keeps it.
        """
        accounts = AccountRepository(tx)
        holder = await accounts.lock_phone_holder(phone)
        if holder is not None and holder.id != account.id:
            if holder.phone_verified_at is not None:
                return False
            await self._release(tx, holder, account.id)
        elif holder is not None and holder.phone_verified_at is not None:
            return True
        await accounts.prove_phone(account.id, phone, self._clock.now())
        if account.phone != phone:
            await tx.publish(FieldChanged(account.id, "phone", account.phone or "", phone))
        await tx.publish(PhoneProven(account.id, by, reason))
        return True

    async def _release(self, tx: Tx, holder: Account, taken_by: int) -> None:
        await AccountRepository(tx).release_phone(holder.id, self._clock.now())
        await tx.publish(FieldChanged(holder.id, "phone", holder.phone or "", ""))
        await tx.publish(PhoneReleased(holder.id, taken_by))
        if holder.email:
            values = {"username": holder.greeting_name}
            await self._mailer.queue(
                tx, "phone_released", holder.email, holder.language, dialect=holder.channel, **values
            )
