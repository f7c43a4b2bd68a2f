"""What the application keeps of earnings: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.earnings.details.service import DetailsService
    from mystar.earnings.payouts.service import PayoutService
    from mystar.earnings.rules.service import RuleService
    from mystar.earnings.sending.deal_reconciliation import DealReconciliation
    from mystar.earnings.sending.deals import DealPayouts
    from mystar.earnings.sending.reconciliation import PayoutReconciliation
    from mystar.earnings.sending.service import PayoutSending
    from mystar.earnings.service import EarningService
    from mystar.earnings.statements.service import StatementService

EARNINGS: web.AppKey[EarningService] = web.AppKey("earnings")
COMMISSION_RULES: web.AppKey[RuleService] = web.AppKey("commission_rules")
PAYOUT_DETAILS: web.AppKey[DetailsService] = web.AppKey("payout_details")
PAYOUTS: web.AppKey[PayoutService] = web.AppKey("payouts")
STATEMENTS: web.AppKey[StatementService] = web.AppKey("statements")
#: Only where payouts go through a provider.
PAYOUT_SENDING: web.AppKey[PayoutSending] = web.AppKey("payout_sending")
PAYOUT_RECONCILIATION: web.AppKey[PayoutReconciliation] = web.AppKey("payout_reconciliation")
DEAL_RECONCILIATION: web.AppKey[DealReconciliation] = web.AppKey("deal_reconciliation")
DEAL_PAYOUTS: web.AppKey[DealPayouts] = web.AppKey("deal_payouts")
