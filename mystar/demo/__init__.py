"""Demo data for development, and bulk data for measurements. Both are refused in production: the passwords are public.

`loader` calls the services of the domains, so that every row is one which the application could have written: a dozen
stars, a few customers and, by `scenarios`, an order in every state, paid at the sandbox. `fixtures` lists the accounts
and orders, `profiles` and `services` what creators show and sell, `studio` the studio's orders; `pictures` and `videos`
draw their files. `scale` fills the tables with any number of creators by set-based SQL and `vocabulary`.
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
