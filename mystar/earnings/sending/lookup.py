"""Whether the provider has the payout of a part: by metadata, then in the list of what was created since."""

from __future__ import annotations

from collections.abc import Iterable

from mystar.earnings.payouts.provider import METADATA_KEY, PayoutProvider, ProviderPayout
from mystar.earnings.sending.model import ToSend
from mystar.payments.provider import CLOCK_MARGIN


async def find(provider: PayoutProvider, item: ToSend) -> ProviderPayout | None:
    """The part's payout, if the provider has it. :raises ProviderError: it cannot be asked."""
    if item.part.provider_id is not None:
        return await provider.get_payout(item.part.provider_id)
    found = await provider.find_payouts({METADATA_KEY: str(item.part.id)})
    return _own(item, found) or await _listed(provider, item)


async def _listed(provider: PayoutProvider, item: ToSend) -> ProviderPayout | None:
    """The search looks three months back and may lag behind; the list does neither."""
    since = (item.part.sent_at or item.payout.created_at) - CLOCK_MARGIN
    cursor = None
    while True:
        page = await provider.list_payouts(since, cursor)
        if (own := _own(item, page.payouts)) or page.next_cursor is None:
            return own
        cursor = page.next_cursor


def _own(item: ToSend, found: Iterable[ProviderPayout]) -> ProviderPayout | None:
    own = [one for one in found if item.mismatch(one) != "another_payout"]
    # One that was not canceled decides.
    return next((one for one in own if one.status != "canceled"), own[0] if own else None)
