"""What the application keeps of accounts: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.accounts.oauth.service import SignInService
    from mystar.accounts.passwords import PasswordService
    from mystar.accounts.service import AccountService
    from mystar.accounts.staff.operator import Operator
    from mystar.accounts.staff.service import StaffService
    from mystar.accounts.support_forms import SupportForms

ACCOUNTS: web.AppKey[AccountService] = web.AppKey("accounts")
OPERATOR: web.AppKey[Operator] = web.AppKey("operator")
PASSWORDS: web.AppKey[PasswordService] = web.AppKey("passwords")
SIGN_IN: web.AppKey[SignInService] = web.AppKey("sign_in")
STAFF: web.AppKey[StaffService] = web.AppKey("staff")
SUPPORT_FORMS: web.AppKey[SupportForms] = web.AppKey("support_forms")
