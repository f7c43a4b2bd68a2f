"""What documents say of the code and the code of documents: references resolve, generated pages are current."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mystar.app import contracts
from mystar.cli.settings_reference import settings_reference
from mystar.contracts.error_reference import error_kinds, error_reference

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SUFFIXES = {".py", ".sql", ".toml", ".cfg", ".md", ".html", ".conf", ".example"}
FOLDERS = ("mystar", "sql", "tests", "config", "scripts", "deploy", "docs")
SOURCES = sorted(
    file
    for folder in FOLDERS
    for file in (ROOT / folder).rglob("*")
    if file.suffix in SUFFIXES and file.name != Path(__file__).name
) + sorted(file for file in ROOT.iterdir() if file.suffix in SUFFIXES)
DOCUMENTS = [file for file in SOURCES if file.suffix == ".md"]

_DECISION = re.compile(r"(?<![%\w])D[1-9]\d{0,2}\b")
_LAW = re.compile(r"\blaws? (\d+)")
_PROMISES = re.compile(r"\b[Pp]romises?\s+([MTSFO]\d+(?:(?:,|,? and| to|;| –)\s+[MTSFO]\d+)*)")
_PAGE = re.compile(r"\bdocs/[\w./-]+\.md(?:#[\w-]+)?")
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_DOCUMENT = re.compile(r"(?<![\w./*-])[\w./-]+\.md\b")
#: How documents outside of the repository would be cited.
_ELSEWHERE = re.compile(r"\b(?:[Cc]ontracts? D\d|[Ss]eeds? 0\d\d|[Ff]acts? \d|architecture, law)")
_PATH = re.compile(r"`((?:mystar|tests|sql|config|scripts|deploy|docs)/[\w./-]*)`")


def test_every_decision_that_is_cited_has_a_heading() -> None:
    known = {heading.partition(":")[0] for heading in _headings(DOCS / "decisions.md")}
    assert not {(file, name) for file, name in _found(_DECISION) if name not in known}


def test_every_law_that_is_cited_has_a_heading() -> None:
    known = {heading.partition(":")[0] for heading in _headings(DOCS / "architecture.md")}
    assert not {(file, number) for file, number in _found(_LAW) if f"Law {number}" not in known}


def test_every_promise_that_is_cited_has_a_heading() -> None:
    known = {heading.partition(":")[0] for heading in _headings(DOCS / "promises.md")}
    cited = {(file, name) for file, names in _found(_PROMISES) for name in re.findall(r"[MTSFO]\d+", names)}
    assert not {(file, name) for file, name in cited if name not in known}


def test_every_page_that_is_cited_exists_with_its_heading() -> None:
    assert not {(file, page) for file, page in _found(_PAGE) if not _exists(ROOT, page)}


def test_nothing_outside_of_the_repository_is_cited() -> None:
    assert not set(_found(_ELSEWHERE))
    mentioned = {(file, name) for file in SOURCES for name in _DOCUMENT.findall(file.read_text())}
    assert not {(_name(file), name) for file, name in mentioned if not _is_here(file, name)}


def test_links_in_documents_exist() -> None:
    links = [(file, link) for file in DOCUMENTS for link in _LINK.findall(file.read_text())]
    assert not {(_name(file), link) for file, link in links if not _exists(file.parent, link, file)}


def test_paths_in_documents_exist() -> None:
    """The changelog also names what was there before."""
    found = {(_name(file), path) for file in DOCUMENTS for path in _PATH.findall(file.read_text())}
    assert not {(name, path) for name, path in found if name != "CHANGELOG.md" and not (ROOT / path).exists()}


def test_the_acceptance_cases_of_earnings_name_tests_that_exist() -> None:
    rows = re.findall(r"^\| ([0-9–, ]+) \|.*\| ([^|]+) \|$", (DOCS / "earnings.md").read_text(), re.MULTILINE)
    cases: set[int] = set()
    for numbers, tests in rows:
        for one in numbers.split(", "):
            first, _, last = one.partition("–")
            cases.update(range(int(first), int(last or first) + 1))
        named = set(re.findall("`(test_\\w+)`", tests))
        assert named
        assert named <= defined_tests(), numbers
    assert cases == set(range(1, 39))


@cache
def defined_tests() -> set[str]:
    sources = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"^(?:async )?def (test_\w+)", source, re.MULTILINE)}


def test_the_reference_of_errors_is_current() -> None:
    assert (DOCS / "errors.md").read_text() == error_reference(contracts()), "python -m mystar errors > docs/errors.md"


def test_the_reference_of_settings_is_current_and_complete() -> None:
    reference = settings_reference()
    assert (DOCS / "operate" / "settings.md").read_text() == reference, "python -m mystar settings"
    assert not [line for line in reference.splitlines() if line.startswith("| `MYSTAR_") and line.endswith("|  |")]


def test_the_map_of_the_readme_matches_the_folders() -> None:
    described = (ROOT / "README.md").read_text().partition("## The map\n")[2].partition("\n\nA domain")[0]
    package, _, others = described.partition("\n    sql/")
    named = set(re.findall(r"(\w+(?:/|\.py))(?=\s|:|,)", package)) - {"mystar/"}
    hidden = {"__init__.py", "__main__.py", "__pycache__/"}
    there = {one.name + "/" * one.is_dir() for one in (ROOT / "mystar").iterdir()} - hidden
    assert named == there
    assert not [one for one in re.findall(r"^ {4}(\w+/)", others, re.MULTILINE) if not (ROOT / one).is_dir()]


def test_every_error_says_when_it_happens() -> None:
    assert not [kind for kind in error_kinds() if not (vars(kind).get("__doc__") or "").strip()]


def _found(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for file in SOURCES:
        for found in pattern.findall(file.read_text()):
            yield _name(file), found


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def _is_here(file: Path, name: str) -> bool:
    return any((folder / name).exists() for folder in (file.parent, ROOT, DOCS))


def _exists(folder: Path, link: str, page: Path | None = None) -> bool:
    """Whether a link, relative to the folder, leads to a file and, if it names one, to a heading of it."""
    path, _, anchor = link.partition("#")
    target = (folder / path).resolve() if path else page
    return target is not None and target.exists() and (not anchor or anchor in _anchors(target))


@cache
def _headings(page: Path) -> list[str]:
    outside = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^#+ (.+)$", outside, flags=re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub and GitLab make them."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in _headings(page)}


def test_every_rate_limit_is_listed_with_its_default() -> None:
    defaults = tomllib.loads((ROOT / "config/default.toml").read_text())["limits"]
    rates = {name: rate for name, rate in defaults.items() if name not in {"enabled", "url"}}
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.+) \|$", (ROOT / "docs/limits.md").read_text(), re.MULTILINE)
    assert dict(rows) == rates
