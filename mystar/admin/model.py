"""Who may be in the panel, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass

from mystar.accounts.model import Actor, Role
from mystar.errors import Forbidden, Text

#: From the least to the most that one may do: look, act, choose who works here.
RANKS: tuple[Role, ...] = ("viewer", "operator", "owner")


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of the staff who asks. ``by_cookie``: in the panel, rather than with a bearer token."""

    actor: Actor
    by_cookie: bool

    def is_at_least(self, role: Role) -> bool:
        return self.actor.role is not None and RANKS.index(self.actor.role) >= RANKS.index(role)


class NotStaff(Forbidden):
    """An account without a role signs in to the panel."""

    code = "not_staff"
    text = Text(
        "Это место для сотрудников. У вашего аккаунта нет роли в панели.",
        "This place is for the staff. Your account has no role in the panel.",
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
