"""The books of `python -m tests.promises`: no promise is missing, and every check can fail."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.harness.checker import RULES
from tests.promises.faults.scenarios import SCENARIOS
from tests.promises.mutants import FAULTS
from tests.promises.outcomes import Writer, read
from tests.promises.planted_runs import notice
from tests.promises.planting import ROOT, sources
from tests.promises.proofs import Command, Promise, Tests
from tests.promises.registry import PROMISES
from tests.promises.results import Ended, outcome_of, outcome_of_tests, result_of
from tests.promises.runner import wanted
from tests.promises.table import FAULTS_TABLE, PAGE, PROMISES_TABLE, headings


def test_every_promise_has_a_proof_and_a_row() -> None:
    page = PAGE.read_text()
    assert set(headings(page)) == set(PROMISES)
    assert list(PROMISES_TABLE.lines(page)) == list(headings(page)), "python -m tests.promises"
    assert [promise.number for promise in PROMISES.values() if not promise.short] == []


def test_every_proof_exists() -> None:
    nodes = {node for promise in PROMISES.values() for node in promise.nodes}
    assert not {node for node in nodes if not _exists(node)}
    proofs = [proof for promise in PROMISES.values() for proof in (*promise.short, *promise.full)]
    commands = {proof.arguments for proof in proofs if isinstance(proof, Command)}
    named = {arguments[1] for arguments in commands if arguments[0] == "tests.promises.faults"}
    assert named == set(SCENARIOS), "each scenario shows a promise"
    modules = {arguments[0].replace(".", "/") for arguments in commands}
    assert not {module for module in modules if not (ROOT / module / "__main__.py").exists()}


def test_every_promise_has_a_fault_that_fits_and_that_its_own_check_must_notice() -> None:
    assert {fault.promise for fault in FAULTS.values()} == set(PROMISES)
    for name, source in sources(FAULTS).items():
        if FAULTS[name].file.endswith(".py"):
            ast.parse(source)
    for fault in FAULTS.values():
        promise = PROMISES[fault.promise]
        if fault.by_tests:
            assert all(_is_a_proof(node, promise) for node in fault.notices), fault
        elif fault.by_command:
            module, argument = fault.notices[0].split()[2:4]
            commands = [proof.arguments for proof in promise.short if isinstance(proof, Command)]
            assert any(one[0] == module and argument in one for one in commands), fault
        else:
            assert set(fault.notices) <= {rule.__name__ for rule in RULES}, fault
    lines = FAULTS_TABLE.lines(PAGE.read_text())
    assert list(lines) == list(FAULTS), "python -m tests.promises --mutants"
    assert not [name for name, line in lines.items() if "UNNOTICED" in line], "a check that cannot fail"


@pytest.mark.parametrize("name", ["kopecks-are-lost"])
async def test_a_planted_fault_is_noticed(name: str, tmp_path: Path) -> None:
    """One that needs no database; `python -m tests.promises --mutants` plants them all."""
    verdict = await notice(FAULTS[name], seed=1, logs=tmp_path)
    assert verdict.noticed, verdict.text


def test_results_are_reported_as_they_are() -> None:
    one, proof = Promise("M1", ()), Tests(("tests/a.py", "tests/b.py::test_b"))
    passed = {"test": "tests/a.py::test_a", "outcome": "passed", "seconds": 1.0}
    case = {"test": "tests/b.py::test_b[1]", "outcome": "passed", "seconds": 1.0}
    assert result_of(one, [outcome_of_tests(proof, [passed, case])], full=False) == "holds"
    assert "no test ran of tests/b.py::test_b" in result_of(one, [outcome_of_tests(proof, [passed])], full=False)
    late = outcome_of_tests(proof, [passed, case, {**case, "test": "tests/a.py::test_c", "outcome": "not run"}])
    assert result_of(one, [late], full=False) == "not shown: 1 tests not run, tests/a.py::test_c"
    failed = outcome_of_tests(proof, [passed, {**case, "outcome": "failed"}])
    assert result_of(one, [failed], full=False) == "FAILED: 1 failed: tests/b.py::test_b[1]"

    command = Command("something", ("tests.harness",), limit=9)
    good, bad = (
        outcome_of(command, Ended(0, "a\nMYSTAR_SEED=3: 7 orders\n", 1)),
        outcome_of(command, Ended(1, "lost", 1)),
    )
    missing, endless = outcome_of(command, Ended(77, "no redis", 1)), outcome_of(command, Ended(None, "", 9))
    slow = outcome_of(command, Ended(0, "7 orders; not judged: ready after 9 s (load 12.0); 60 s\n", 1))
    assert good.figure == "7 orders"
    assert (bad.failure, missing.missing, endless.failure) == ("lost", "no redis", "not ended after 9 s")
    assert result_of(one, [good, slow], full=False) == "not judged: ready after 9 s (load 12.0)"
    assert result_of(one, [missing], full=False) == "not shown: no redis"
    assert result_of(one, [good, missing], full=False) == "holds; not shown: no redis"
    remarks = Promise("M1", (), not_shown="the rest", only_full="the size")
    assert result_of(remarks, [good], full=False) == "holds; not shown: the rest; only by `--full`: the size"
    assert result_of(remarks, [good], full=True) == "holds; not shown: the rest"


def test_a_run_of_some_promises_refreshes_their_rows_only() -> None:
    page = PAGE.read_text()
    assert [promise.number for promise in wanted(PROMISES, "M4, T1")] == ["M4", "T1"]
    assert PROMISES_TABLE.refreshed(page, {}, headings(page)) == page
    assert FAULTS_TABLE.refreshed(page, {}, FAULTS) == page
    changed = PROMISES_TABLE.refreshed(page, {"M4": "| M4 anew |"}, headings(page))
    assert changed.splitlines().count("| M4 anew |") == 1
    assert len(changed.splitlines()) == len(page.splitlines())


def test_tests_that_did_not_come_up_are_named(tmp_path: Path) -> None:
    writer = Writer(file := tmp_path / "outcomes.jsonl")
    for _ in range(2):
        writer.pytest_xdist_node_collection_finished(["a.py::test_a", "a.py::test_b"])
    report = {"nodeid": "a.py::test_a", "when": "call", "outcome": "passed", "duration": 1.0, "longrepr": None}
    writer.pytest_runtest_logreport(cast("pytest.TestReport", SimpleNamespace(**report)))
    assert [(line["test"], line["outcome"]) for line in read(file)] == [
        ("a.py::test_a", "passed"),
        ("a.py::test_b", "not run"),
    ]


def _is_a_proof(node: str, promise: Promise) -> bool:
    proofs = [proof for proof in (*promise.short, *promise.full) if isinstance(proof, Tests)]
    return any(node in proof.nodes or proof.covers(node) for proof in proofs)


def _exists(node: str) -> bool:
    file, *names = node.split("::")
    if not (ROOT / file).exists():
        return False
    body: list[ast.stmt] = ast.parse((ROOT / file).read_text()).body
    for name in names:
        found = [one for one in body if getattr(one, "name", "") == name]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True
