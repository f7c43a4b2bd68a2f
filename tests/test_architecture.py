"""The rules of architecture that a machine can check. Who may import whom is in `setup.cfg`; the rest is here."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
from marshmallow import Schema, fields, validate

from mystar.app import contracts
from mystar.errors import MystarError, Text
from mystar.kit.web.validation_messages_ru import known_russian

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mystar"
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 45

#: A domain is a folder that begins with its model.
DOMAINS = {file.parent.name for file in PACKAGE.glob("*/model.py")}
#: What may import HTTP libraries: composition, endpoints, what they read and write, and calls to others.
HTTP_MODULES = {
    "setup",
    "keys",
    "handlers",
    "schemas",
    "access",
    "forms",
    "refused_forms",
    "sockets",
    "gateways",
    "providers",
}
#: The files of a domain, and of a room inside one.
LAYERS = {
    *("__init__", "model", "repository", "service", "schemas", "handlers", "setup", "keys"),
    *("tasks", "sockets", "listeners"),
}
#: Further files, and why each is not one of the layers.
FURTHER_FILES = {
    "accounts/access": "who calls: the authentication middleware and the decorators that ask for rights",
    "chat/contact_details": "the pure rule that finds contacts in a text",
    "chat/moderation": "a second service: removal of messages by staff",
    "chat/contact_filter": "refuses contacts before the first payment",
    "accounts/contacts": "a second service: changes of e-mail and phone that can be undone",
    "accounts/phones": "a second service: phones that accounts have proven",
    "accounts/profile": "a second service: editing the profile",
    "accounts/factors/passkeys": "what browsers are asked for, and the verification of their answers",
    "accounts/factors/recovery": "recovery codes: their form and what is stored of them",
    "accounts/factors/sign_in": "a second service: the second step of a sign-in",
    "accounts/factors/totp": "the pure rule of time-based codes",
    "accounts/factors/verification": "accepts codes and passkeys, each once",
    "accounts/oauth/identities": "a second service: linked sign-ins of an account",
    "accounts/sessions/step_up": "asks for the password before sensitive actions",
    "accounts/age": "a pure rule, used by two dialects",
    "accounts/credentials": "what a name, an e-mail address and a phone may be",
    "accounts/drafts": "what registration accepts, checked as a whole",
    "accounts/erasure": "a second service: what the erasure of an account needs of its row",
    "accounts/import_files": "reads records of people from files, for one command",
    "accounts/importing": "makes accounts of such records",
    "accounts/links": "mailed links, used by accounts, passwords and OAuth",
    "accounts/oauth/attempts": "sign-in attempts between two requests",
    "accounts/oauth/linking": "the pure decision whether an identity may join an account",
    "accounts/password_rule": "what a password may be",
    "accounts/passwords": "a second service: changing and resetting passwords",
    "accounts/sessions/login_throttle": "what slows guessing down",
    "accounts/sessions/rotation": "the pure rule of refresh-token rotation",
    "accounts/staff/operator": "a second service: what commands do to staff accounts",
    "accounts/support_forms": "a second service: messages to support",
    "audit/chain": "the pure hash chain",
    "audit/redaction": "a second service: replaces what the log has of an erased person",
    "audit/checkpoint": "heads of the chain in a file beside the database",
    "catalog/changes_repository": "the log of changes, for the cache of answers",
    "catalog/kept_services": "services by id, kept in memory",
    "catalog/subjects": "what kept answers depend on",
    "catalog/search_repository": "the repository of the search index",
    "catalog/delivery_time": "pure rules of delivery times in words",
    "catalog/forms": "what creators send of a service, as JSON or as a form",
    "catalog/filter_queries": "statements whose shape depends on the filters of a request",
    "catalog/listings": "a second service: creating and hiding services",
    "catalog/personal_data": "what an erasure does to the search index",
    "catalog/search": "pure rules of search words",
    "catalog/service_repository": "the repository of single services",
    "catalog/taxonomy": "a second service: categories and tags",
    "catalog/taxonomy_repository": "the repository of categories and tags",
    "chat/staff_reading": "a second service: conversations as staff read them",
    "creators/availability": "a second service: when creators take orders",
    "creators/availability_repository": "its repository",
    "creators/skills": "a second service: the skills of creators",
    "earnings/details/numbers": "control digits of accounts, INNs and cards",
    "earnings/moves": "the entries that an event brings, as pure functions",
    "receipts/provider": "what a provider of receipts has to do",
    "earnings/statements/documents": "a statement as CSV and PDF",
    "earnings/sending/deal_reconciliation": "a third service: compares safe deals with the provider",
    "earnings/sending/deals": "payouts of safe deals",
    "earnings/sending/lookup": "whether the provider has a payout",
    "earnings/sending/reconciliation": "the provider's payouts against ours",
    "earnings/payouts/provider": "what a provider of payouts has to do",
    "files/detection": "recognises types by their first bytes",
    "files/forms": "multipart forms with files, read for every dialect",
    "files/ingest": "an upload from the first byte to its row",
    "files/inspection": "what the bytes are",
    "files/quota": "bytes and turns of uploads in progress",
    "files/turns": "turns of a person in several processes",
    "files/storage_migration": "carries files from one storage to another",
    "files/storage_selection": "the storages that settings name",
    "notifications/kinds": "kinds of notifications, and what each says",
    "notifications/mail_content": "what is in a mail besides its text, and the letter that is made of it",
    "notifications/mail_texts": "the texts of mails as data",
    "texts/library": "which texts can be changed, and what is built in",
    "texts/samples": "what each text looks like with values",
    "payments/methods": "what buyers may pay with, without what the provider refuses",
    "notifications/mails": "the mails of orders",
    "notifications/notice_mails": "the mails of offers, payouts and balances",
    "notifications/staff_mails": "mails to the support mailbox about money that needs a person",
    "orders/placing": "a second service: placing an order",
    "orders/reads": "a second service: orders as their parties read them",
    "orders/allowed": "an allowed action as every dialect shows it",
    "orders/parties": "buyer and creator as readers of an order see them",
    "orders/shares": "what the domain above tells a creator of an order",
    "orders/state_diagram": "the state machine as a document",
    "orders/state_machine": "the transitions of an order as data",
    "orders/transitions": "applies a transition inside a transaction",
    "payments/state_machine": "the transitions of a payment as data",
    "payments/provider": "what a payment provider has to do",
    "payments/refund_reconciliation": "a second service: compares refunds with the provider",
    "payments/reconciliation": "a second service: compares payments with the provider",
    "payments/settlement": "applies what the provider says to a payment",
    "privacy/archive": "a ZIP archive that is written as it is read",
    "privacy/builder": "a second service: builds exports in the background",
    "privacy/erasures": "a second service: erasures",
    "portfolio/showcase": "a second service: a creator's page as a whole",
}
MODULES = sorted(PACKAGE.rglob("*.py"))
ROUTES = [(contract.name, route) for contract in contracts() for route in contract.routes]


def test_imports_point_downwards() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--config", "setup.cfg", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_domain_imports_the_repository_of_another() -> None:
    graph = grimp.build_graph("mystar", cache_dir=None)
    for module in graph.modules:
        if module.rpartition(".")[2] == "repository":
            domain = ".".join(module.split(".")[:2])
            importers = graph.find_modules_that_directly_import(module)
            strangers = {importer for importer in importers if not importer.startswith(f"{domain}.")}
            assert not strangers, f"{module} is imported by {strangers}"


def test_a_domain_consists_of_files_with_the_same_names() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        room, name = str(path.parent.relative_to(PACKAGE)), path.stem
        if _is_domain(path.parent) and name not in LAYERS:
            assert f"{room}/{name}" in FURTHER_FILES, f"{room}/{name}.py is none of the files of a domain"
    missing = [file for file in FURTHER_FILES if not (PACKAGE / f"{file}.py").is_file()]
    assert not missing


def _is_domain(folder: Path) -> bool:
    """A domain, or a room inside one; a folder of handlers, providers or lists is neither."""
    return folder.relative_to(PACKAGE).parts[:1] != ("kit",) and (folder / "service.py").is_file()


def test_sql_runs_in_repositories_alone() -> None:
    users = {file.relative_to(PACKAGE) for file in MODULES if re.search(r"\bQUERIES\.", _code(file))}
    strangers = {str(file) for file in users if not file.stem.endswith("repository") and file.parts[0] != "demo"}
    assert not strangers


def _code(file: Path) -> str:
    """The file without its docstrings and comments."""
    return ast.unparse(_WithoutDocstrings().visit(ast.parse(file.read_text())))


class _WithoutDocstrings(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        return ast.Expr(ast.Constant(None)) if isinstance(node.value, ast.Constant) else node


def test_models_services_and_repositories_do_not_import_http() -> None:
    graph = grimp.build_graph("mystar", include_external_packages=True, cache_dir=None)
    for module in graph.modules:
        _, domain, *parts = f"{module}..".split(".")
        if domain in DOMAINS and not HTTP_MODULES.intersection(parts):
            known = graph.find_modules_directly_imported_by(module) & {"aiohttp", "aiohttp_apispec", "marshmallow"}
            assert not known, f"{module} imports {known}"


def test_a_file_has_400_lines_at_most() -> None:
    files = [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))]
    long = {str(file.relative_to(ROOT)): lines for file in files if (lines := _lines(file)) > MAX_FILE_LINES}
    assert not long


def test_a_function_has_45_lines_at_most() -> None:
    long = {
        f"{file.relative_to(ROOT)}:{function.lineno} {function.name}": length
        for file in MODULES
        for function in _functions(file)
        if (length := _length(function)) > MAX_FUNCTION_LINES
    }
    assert not long


def test_every_module_has_a_docstring() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in MODULES
        if file.name != "__main__.py" and not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert not silent


@pytest.mark.parametrize("word", ["utils", "helpers", "manager", "misc", "common"])
def test_no_file_has_a_generic_name(word: str) -> None:
    assert not [file for file in MODULES if file.stem == word or file.parent.name == word]


def test_texts_name_no_unknown_persons() -> None:
    """The words of `docs/glossary.md` and of the field say who or what it is. The account of Debian is called so."""
    words = re.compile(r"\b(whoever|somebody|nobody|deeds?)\b", re.IGNORECASE)
    files = [file for file in PACKAGE.rglob("*") if file.suffix in (".py", ".sql", ".html", ".txt", ".js", ".css")]
    texts = ((file.relative_to(ROOT), file.read_text().replace('"postgres", "nobody"', "")) for file in files)
    assert not {(str(name), word) for name, text in texts for word in words.findall(text)}


def test_every_route_is_named_after_its_contract_and_resource() -> None:
    wrong = [f"{route.method} {route.path}: {route.name}" for contract, route in ROUTES if not _named(contract, route)]
    assert not wrong


def _named(contract: str, route: object) -> bool:
    return re.fullmatch(rf"{contract}\.[a-z0-9-]+(\.[\w.]+)?", route.name) is not None  # type: ignore[attr-defined]


def test_every_validation_message_is_translated() -> None:
    unknown = {(name, message) for name, message in _messages() if not known_russian(message)}
    assert not unknown


def test_every_error_has_a_code_and_texts_of_its_own() -> None:
    by_code: dict[str, type[MystarError]] = {}
    for kind in _subclasses(MystarError):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", kind.code), kind
        assert kind.text.ru != kind.text.en, kind
        assert all(kind.text), kind
        if "code" in vars(kind):
            other = by_code.setdefault(kind.code, kind)
            assert other is kind or other.text == kind.text, f"{kind} and {other} share the code {kind.code}"


def _lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def _functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From the name to the end, without decorators and without the docstring: what has to be followed."""
    assert function.end_lineno is not None
    length = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        assert first.end_lineno is not None
        length -= first.end_lineno - first.lineno + 1
    return length


def _subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("mystar."):
            yield child
            yield from _subclasses(child)


def _messages() -> Iterator[tuple[str, str]]:
    """Every sentence of marshmallow's that a field of ours may say, with the name of the field."""
    for schema in _subclasses(Schema):
        yield schema.__name__, "Invalid input type."
        for name, field in schema._declared_fields.items():
            for inner in _with_inner(field):
                for message in _sentences(inner):
                    if not isinstance(message, Text):
                        yield f"{schema.__name__}.{name}", message


def _with_inner(field: fields.Field) -> Iterator[fields.Field]:
    yield field
    if isinstance(field, fields.List):
        yield from _with_inner(field.inner)


def _sentences(field: fields.Field) -> Iterator[str | Text]:
    for key, messages in field.error_messages.items():
        # "validator_failed" is said only by a validator that returns False, "format" only when writing, and
        # "invalid_awareness" only by fields that insist on time zones or on none, which we do not use.
        if key not in ("validator_failed", "format", "invalid_awareness"):
            for message in messages if isinstance(messages, list) else [messages]:
                said = isinstance(message, Text)
                yield message if said else message.format(input="?", obj_type="time")
    for validator in field.validators:
        yield from _refusals(validator)


def _refusals(validator: object) -> Iterator[str | Text]:
    """What the validators of marshmallow say; ours raise `Text`."""
    if isinstance(validator, validate.Range | validate.Length | validate.OneOf | validate.Regexp):
        templates = [validator.error] if validator.error else [getattr(validator, name) for name in _said_by(validator)]
        for template in templates:
            yield (
                template
                if isinstance(template, Text)
                else template.format(min=1, max=5, equal=3, input="?", choices="a, b", labels="")
            )


def _said_by(validator: validate.Range | validate.Length | validate.OneOf | validate.Regexp) -> list[str]:
    names = ("message_min", "message_max", "message_all", "message_equal", "default_message")
    return [name for name in names if hasattr(validator, name)]
