"""What the application keeps of accounts: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.accounts.contacts import ContactChanges
    from mystar.accounts.erasure import AccountErasure
    from mystar.accounts.factors.service import FactorService
    from mystar.accounts.factors.sign_in import SecondStep
    from mystar.accounts.oauth.identities import IdentityService
    from mystar.accounts.oauth.service import SignInService
    from mystar.accounts.passwords import PasswordService
    from mystar.accounts.profile import ProfileService
    from mystar.accounts.service import AccountService
    from mystar.accounts.sessions.step_up import StepUp
    from mystar.accounts.staff.operator import Operator
    from mystar.accounts.staff.service import StaffService
    from mystar.accounts.support_forms import SupportForms

ACCOUNT_ERASURE: web.AppKey[AccountErasure] = web.AppKey("account_erasure")
ACCOUNTS: web.AppKey[AccountService] = web.AppKey("accounts")
CONTACTS: web.AppKey[ContactChanges] = web.AppKey("contacts")
FACTORS: web.AppKey[FactorService] = web.AppKey("factors")
IDENTITIES: web.AppKey[IdentityService] = web.AppKey("identities")
OPERATOR: web.AppKey[Operator] = web.AppKey("operator")
PASSWORDS: web.AppKey[PasswordService] = web.AppKey("passwords")
PROFILES: web.AppKey[ProfileService] = web.AppKey("profiles")
SECOND_STEP: web.AppKey[SecondStep] = web.AppKey("second_step")
SIGN_IN: web.AppKey[SignInService] = web.AppKey("sign_in")
STAFF: web.AppKey[StaffService] = web.AppKey("staff")
STEP_UP: web.AppKey[StepUp] = web.AppKey("step_up")
SUPPORT_FORMS: web.AppKey[SupportForms] = web.AppKey("support_forms")
