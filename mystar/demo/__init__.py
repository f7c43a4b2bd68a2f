"""Data to look at and data to measure with; none of it for production, since everybody knows the passwords.

`story` is told through the verbs of the domains: a dozen stars, a few customers and, in `tales`, an order in every
state, paid for at the sandbox. `cast` says who is in it, `showcases` what they can and have done, `pictures` and
`videos` draw what they show. `scale` fills the tables with as much as one likes, by set-based SQL and with `words`.
"""

from __future__ import annotations

from mystar.errors import Forbidden, Text
from mystar.settings import Settings


class DemoRefused(Forbidden):
    code = "demo_refused"
    text = Text("Демонстрационные данные не для production.", "Demo data is not for production.")


def refuse_production(settings: Settings) -> None:
    """:raises DemoRefused: the profile is production."""
    if settings.profile == "production":
        raise DemoRefused
