"""HTML pages of ours and the texts of mails: Jinja templates inside the package."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


@cache
def environment() -> Environment:
    """Templates escape in .html, not in .txt, and a forgotten variable is an error, not an empty place."""
    return Environment(
        loader=PackageLoader("mystar", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_page(name: str, language: str, **values: Any) -> str:
    """A page in ``language`` ("ru" or "en"); templates choose words by the variable ``language``."""
    return environment().get_template(f"pages/{name}").render(language=language, **values)
