"""The reference of all settings: ``python -m mystar settings > docs/operate/settings.md``; a test compares the two."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mystar.kit.resources import project_folder
from mystar.settings import Settings

_HEAD = """\
# Settings

Every setting, its variable and its default. Made from `mystar/*sections.py` and `config/default.toml` by
`python -m mystar settings > docs/operate/settings.md`; do not edit.

Defaults are those of development. The file of the profile (`MYSTAR_PROFILE`: `development`, `test`, `production`) comes
after them, variables of the environment win over both. Lists are JSON or separated by commas. A setting that is wrong
or unknown is refused at start by its name; secrets come from the environment only.
"""
_TABLE = "\n| variable | default | meaning |\n| --- | --- | --- |\n"
_FIELD = re.compile(r"    (\w+): ")
_SECRET = re.compile(r"(secret|password|access)_key$|password$")


def settings_reference() -> str:
    """The whole document, in Markdown."""
    with (project_folder("config") / "default.toml").open("rb") as file:
        defaults = tomllib.load(file)
    own = {name: field for name, field in Settings.model_fields.items() if _section(field) is None}
    parts = [_HEAD, "\n## Of the whole service\n", _TABLE, *_rows(Settings, own, "MYSTAR_", defaults)]
    for name, field in Settings.model_fields.items():
        if section := _section(field):
            parts += _part(name, section, f"MYSTAR_{name.upper()}__", defaults.get(name, {}))
    return "".join(parts)


def _part(title: str, section: type[BaseModel], prefix: str, defaults: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {title}\n"
    if section.__doc__ and section.__module__.startswith("mystar."):
        yield f"\n{inspect.cleandoc(section.__doc__)}\n"
    plain = {name: field for name, field in section.model_fields.items() if _section(field) is None}
    if plain:
        yield _TABLE
        yield from _rows(section, plain, prefix, defaults)
    for name, field in section.model_fields.items():
        if inner := _section(field):
            yield from _part(f"{title}.{name}", inner, f"{prefix}{name.upper()}__", defaults.get(name, {}))


def _rows(
    section: type[BaseModel], fields: Mapping[str, FieldInfo], prefix: str, defaults: Mapping[str, Any]
) -> Iterator[str]:
    meanings = _meanings(section)
    for name, field in fields.items():
        default = defaults.get(name, None if field.is_required() else field.default)
        # What development needs as a secret is no default of anybody else.
        shown = "" if default in (None, "") or _SECRET.search(name) else f"`{json.dumps(default, default=list)}`"
        yield f"| `{prefix}{name.upper()}` | {shown} | {meanings.get(name, '').replace('|', chr(92) + '|')} |\n"


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, BaseModel)), None)


def _meanings(section: type[BaseModel]) -> dict[str, str]:
    """The comment ``#:`` above each field, in the source of the class."""
    found: dict[str, str] = {}
    comment: list[str] = []
    for line in inspect.getsource(section).splitlines():
        if line.startswith("    #: "):
            comment.append(line.removeprefix("    #: ").strip())
        else:
            if field := _FIELD.match(line):
                found[field[1]] = " ".join(comment)
            comment = []
    return found
