"""Plants one fault in the code of the service while it is imported, in every Python process that a test starts.

``PLANTED_FAULT`` names a fault of `mutants.py`. `site/sitecustomize.py`, which Python imports when it starts, calls
`install`; `planted_environment` makes it do so. The product knows nothing of it, and no file is changed.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(__file__).resolve().parent / "site"
#: The name of the fault.
PLANTED = "PLANTED_FAULT"


class Fault(NamedTuple):
    """``old``, which occurs once in the file, becomes ``new``.

    :param promise: whose check must notice it. :param file: below the root: a module of Python or a `queries.sql`.
    :param notices: what must notice it: ids of tests, of which one at least must fail; or one command, which must end
        with 1; or kinds of difference, of which the harness must report one.
    """

    name: str
    promise: str
    file: str
    old: str
    new: str
    notices: tuple[str, ...]

    @property
    def by_tests(self) -> bool:
        return self.notices[0].startswith("tests/")

    @property
    def by_command(self) -> bool:
        return self.notices[0].startswith("python -m ")

    def apply(self, source: str) -> str:
        """:raises ValueError: the text does not occur once."""
        if source.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has {self.old!r} {source.count(self.old)} times")
        return source.replace(self.old, self.new)


def planted_environment(name: str) -> dict[str, str]:
    """Variables that plant the fault in a Python process and in those that it starts."""
    return {PLANTED: name, "PYTHONPATH": os.pathsep.join((str(ROOT), str(SITE)))}


def install() -> None:
    """Plant the fault that the environment names, if it names one."""
    if name := os.environ.get(PLANTED):
        from tests.promises.mutants import FAULTS

        fault = FAULTS[name]
        if fault.file.endswith(".sql"):
            _plant_queries(fault)
        else:
            sys.meta_path.insert(0, _Finder(fault))


class _Finder(MetaPathFinder):
    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._module = fault.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Loader(name, spec.origin, self._fault)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles the changed source, and neither reads nor writes a cache."""

    def __init__(self, name: str, path: str, fault: Fault) -> None:
        super().__init__(name, path)
        self._fault = fault

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path).decode()
        return compile(self._fault.apply(source), self.path, "exec", dont_inherit=True)


def _plant_queries(fault: Fault) -> None:
    read = Path.read_text

    def changed(self: Path, *arguments: Any, **options: Any) -> str:
        text = read(self, *arguments, **options)
        return fault.apply(text) if self.as_posix().endswith(fault.file) else text

    Path.read_text = changed  # type: ignore[method-assign]


def sources(faults: Mapping[str, Fault]) -> dict[str, str]:
    """The changed source of each fault. :raises ValueError: a fault that fits no longer."""
    return {name: fault.apply((ROOT / fault.file).read_text()) for name, fault in faults.items()}
