"""What a promise is shown by: tests of the suite, or commands that run against processes of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

#: The default time limit of a command, in seconds: of the short and of the full form.
SHORT, FULL = 420.0, 7200.0


@dataclass(frozen=True)
class Tests:
    """Tests by their ids: a file, a function, or one case of it."""

    #: For pytest: it is none itself.
    __test__: ClassVar[bool] = False
    nodes: tuple[str, ...]

    def covers(self, test: str) -> bool:
        return any(test == node or test.startswith((f"{node}[", f"{node}::")) for node in self.nodes)


@dataclass(frozen=True)
class Command:
    """`python -m …`; the last line that ``figure`` finds in its output is what was measured.

    :param arguments: may hold ``{seed}``.
    :param alone: it measures times, so that nothing else of the run goes on beside it.

    The exit code 77 says that this machine cannot run it; the last line is then the reason.
    """

    what: str
    arguments: tuple[str, ...]
    figure: str = r"^(?:MYSTAR_SEED=\d+: )?(.+)$"
    limit: float = SHORT
    alone: bool = False

    def command(self, seed: int) -> list[str]:
        return [argument.format(seed=seed) for argument in self.arguments]

    def figure_in(self, output: str) -> str:
        found = re.findall(self.figure, output, flags=re.MULTILINE)
        return str(found[-1]).strip() if found else ""


#: As automake and others say it: the test cannot be run here.
NOT_HERE = 77
#: In a figure, before a time that was too long on a machine that was too busy to say so.
NOT_JUDGED = "not judged"

Proof = Tests | Command


@dataclass(frozen=True)
class Promise:
    """:param short: shows it in minutes. :param full: replaces it before a release, where given.
    :param not_shown: what of the promise is not shown by either, and why; empty when nothing is.
    :param only_full: what is shown by the full form only.
    """

    number: str
    short: tuple[Proof, ...]
    full: tuple[Proof, ...] = ()
    not_shown: str = ""
    only_full: str = ""

    def proofs(self, *, full: bool) -> Sequence[Proof]:
        return self.full or self.short if full else self.short

    @property
    def nodes(self) -> list[str]:
        """Of all tests that show it in any form."""
        both = (*self.short, *self.full)
        return [node for proof in both if isinstance(proof, Tests) for node in proof.nodes]


def tests(*nodes: str) -> Tests:
    return Tests(tuple(f"tests/{node}" for node in nodes))


def faults(scenario: str, what: str, *, full: bool = False, alone: bool = False) -> Command:
    """A scenario of `tests/promises/faults`."""
    arguments = ("tests.promises.faults", scenario, "--seed", "{seed}", *(("--full",) if full else ()))
    return Command(what, arguments, limit=FULL if full else SHORT, alone=alone)
