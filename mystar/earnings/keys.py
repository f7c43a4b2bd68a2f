"""What the application keeps of earnings: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.earnings.details.service import DetailsService
    from mystar.earnings.payouts.service import PayoutService
    from mystar.earnings.rules.service import RuleService
    from mystar.earnings.service import EarningService

EARNINGS: web.AppKey[EarningService] = web.AppKey("earnings")
COMMISSION_RULES: web.AppKey[RuleService] = web.AppKey("commission_rules")
PAYOUT_DETAILS: web.AppKey[DetailsService] = web.AppKey("payout_details")
PAYOUTS: web.AppKey[PayoutService] = web.AppKey("payouts")
