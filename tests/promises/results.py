"""What came out of a proof, and what it says of the promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.promises.outcomes import NOT_RUN
from tests.promises.proofs import NOT_HERE, NOT_JUDGED, Command, Promise, Tests


class Ended(NamedTuple):
    """How a process ended; ``code`` None: it was killed at its time limit. ``load``: of the machine, at its end."""

    code: int | None
    output: str
    seconds: float
    load: float = 0.0


class Outcome(NamedTuple):
    """Of one proof. ``failure`` and ``missing``: why it failed, or cannot be run here.

    ``unjudged``: a time that was too long, on a machine that was too busy to say so.
    """

    what: str
    figure: str
    failure: str = ""
    missing: str = ""
    unjudged: str = ""
    load: float = 0.0


@dataclass(frozen=True)
class Row:
    """Of one promise, as the table shows it."""

    number: str
    form: str
    done: str
    figure: str
    seed: int
    origin: str
    result: str

    @property
    def has_failed(self) -> bool:
        return self.result.startswith("FAILED")

    @property
    def is_unjudged(self) -> bool:
        return self.result.startswith(NOT_JUDGED)

    def cells(self, title: str) -> tuple[str, ...]:
        return (f"{self.number} {title}", self.form, self.done, self.figure, str(self.seed), self.origin, self.result)


def outcome_of(proof: Command, ended: Ended) -> Outcome:
    figure = proof.figure_in(ended.output)
    outcome = Outcome(proof.what, "", load=ended.load)
    if ended.code is None:
        return outcome._replace(failure=f"not ended after {proof.limit:.0f} s")
    if ended.code == NOT_HERE:
        return outcome._replace(missing=figure)
    if ended.code:
        return outcome._replace(failure=figure or f"exit code {ended.code}")
    _, found, unjudged = figure.partition(NOT_JUDGED)
    return outcome._replace(figure=figure, unjudged=unjudged.partition(";")[0].strip(": ") if found else "")


def outcome_of_tests(proof: Tests, reports: Sequence[Mapping[str, Any]], load: float = 0.0) -> Outcome:
    """Every node must have run all of its tests, and no test may have failed or been skipped."""
    ours = [report for report in reports if proof.covers(report["test"])]
    found = {outcome: _tests(ours, outcome) for outcome in ("passed", "failed", "skipped", NOT_RUN)}
    silent = [node for node in proof.nodes if not any(Tests((node,)).covers(report["test"]) for report in ours)]
    what = ", ".join(dict.fromkeys(node.partition("::")[0].removeprefix("tests/") for node in proof.nodes))
    seconds = sum(report["seconds"] for report in ours)
    outcome = Outcome(what, f"{len(found['passed'])} tests in {seconds:.0f} s", load=load)
    if found["failed"]:
        return outcome._replace(failure=f"{len(found['failed'])} failed: {found['failed'][0]}")
    if silent:
        return outcome._replace(failure=f"no test ran of {silent[0]}")
    missing = [f"{len(found[name])} tests {name}, {found[name][0]}" for name in ("skipped", NOT_RUN) if found[name]]
    return outcome._replace(missing=" and ".join(missing))


def _tests(reports: Sequence[Mapping[str, Any]], outcome: str) -> list[str]:
    return list(dict.fromkeys(report["test"] for report in reports if report["outcome"] == outcome))


def result_of(promise: Promise, outcomes: Sequence[Outcome], *, full: bool) -> str:
    if failures := [one.failure for one in outcomes if one.failure]:
        return f"FAILED: {'; '.join(failures)}"
    missing = [one.missing for one in outcomes if one.missing]
    if missing and len(missing) == len(outcomes):
        return f"not shown: {'; '.join(missing)}"
    remarks = [*missing, *([promise.not_shown] if promise.not_shown else [])]
    if promise.only_full and not full:
        remarks.append(f"only by `--full`: {promise.only_full}")
    unjudged = [one.unjudged for one in outcomes if one.unjudged]
    said = f"{NOT_JUDGED}: {'; '.join(unjudged)}" if unjudged else "holds"
    return said + (f"; not shown: {'; '.join(remarks)}" if remarks else "")
