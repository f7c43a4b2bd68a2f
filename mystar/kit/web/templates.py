"""HTML pages and mails: the Jinja templates of the package."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


@cache
def environment() -> Environment:
    """Escapes in .html and not in .txt; an undefined variable is an error."""
    return Environment(
        loader=PackageLoader("mystar", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_page(name: str, language: str, *, back: str = "", **values: Any) -> str:
    """A page in ``language``, "ru" or "en"; templates choose texts by this variable.

    :param back: the address of the site's page that the page links to; "" = none.
    """
    return environment().get_template(f"pages/{name}").render(language=language, back=back, **values)
