"""Members of the staff, and the errors of the panel."""

from __future__ import annotations

from dataclasses import dataclass

from mystar.accounts.model import Actor, Role
from mystar.errors import Forbidden, Text

#: In ascending order: view, change, manage staff.
RANKS: tuple[Role, ...] = ("viewer", "operator", "owner")


@dataclass(frozen=True, slots=True)
class Staff:
    """The member of the staff of a request. ``by_cookie``: authenticated by the session cookie, not a bearer token."""

    actor: Actor
    by_cookie: bool

    def is_at_least(self, role: Role) -> bool:
        return self.actor.role is not None and RANKS.index(self.actor.role) >= RANKS.index(role)


class NotStaff(Forbidden):
    """An account without a role signs in to the panel."""

    code = "not_staff"
    text = Text(
        "Панель доступна только сотрудникам. У вашего аккаунта нет роли в ней.",
        "The panel is for staff only. Your account has no role in it.",
    )


class RoleTooLow(Forbidden):
    """The staff account's role does not allow this action of the panel."""

    code = "role_too_low"
    text = Text("Вашей роли это не разрешено.", "Your role does not allow this.")


class FormForged(Forbidden):
    """A form of the panel without a valid CSRF token: sent from another site, or from a page that is too old (D36)."""

    code = "form_forged"
    text = Text(
        "Форма устарела или отправлена не с этого сайта, поэтому ничего не сделано. Откройте страницу заново.",
        "The form is out of date or was not sent from this site, so nothing was done. Please open the page again.",
    )
