"""What buyers may pay with at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from mystar.kit.clock import Clock
from mystar.payments.model import METHOD_REFUSED, Method, MethodNotOffered, Payment, PaymentChoice

#: A method that the provider refused is not offered for so long; a shop may have been given it meanwhile.
_REFUSED_FOR = timedelta(hours=1)


class OfferedMethods:
    """The methods of the installation, without what the provider has just refused and, in safe deals, without SBP.

    What is refused is known to the process that was refused; another one finds out by itself.
    """

    def __init__(self, methods: Sequence[Method], clock: Clock) -> None:
        """:param methods: the first is the default."""
        self._methods, self._clock = tuple(methods), clock
        self._refused_until: dict[str, datetime] = {}

    def offered(self, *, is_deal: bool) -> tuple[Method, ...]:
        """The first is the default."""
        now = self._clock.now()
        known = tuple(one for one in self._methods if not (is_deal and one == "sbp"))
        # A longer time was written by a clock that has been set back.
        refused = {one for one, until in self._refused_until.items() if now < until <= now + _REFUSED_FOR}
        # A deal may know no method but the one that was refused outside of it: better asked again than nothing.
        return tuple(one for one in known if one not in refused) or known

    def choose(self, method: str | None, *, is_deal: bool) -> Method:
        """:param method: None = the default. :raises MethodNotOffered:"""
        found = next((one for one in self.offered(is_deal=is_deal) if method in (None, one)), None)
        if found is None:
            raise MethodNotOffered
        return found

    def refuse(self, method: str, *, is_deal: bool) -> bool:
        """The provider does not take this method; answer whether there is another one to offer instead.

        Without another one nothing is remembered: the refusal is that of one payment.
        """
        others = [one for one in self.offered(is_deal=is_deal) if one != method]
        if others:
            self._refused_until[method] = self._clock.now() + _REFUSED_FOR
        return bool(others)


def choice_of(order_id: int, amount: int, methods: Sequence[Method], latest: Payment | None) -> PaymentChoice | None:
    """What a buyer chooses from on the pay page; None: the latest payment is chosen, or there is one method.

    :param amount: kopecks.
    """
    is_chosen = latest is not None and not latest.is_over and not latest.is_method_open
    is_refused = latest is not None and latest.cancellation_reason == METHOD_REFUSED
    if is_chosen or (len(methods) == 1 and not is_refused):
        return None
    return PaymentChoice(order_id, amount, methods, is_refused)
