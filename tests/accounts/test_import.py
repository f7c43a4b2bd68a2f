"""`accounts import`: accounts with Django password hashes."""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest

from mystar.kit.postgres.database import Database
from tests.conftest import Api
from tests.server_process import run_cli
from tests.subtests import as_subtests

PASSWORD = "Старый-пароль-из-Django"


def django(password: str = PASSWORD, iterations: int = 1000) -> str:
    made = hashlib.pbkdf2_hmac("sha256", password.encode(), b"NaCl", iterations)
    return f"pbkdf2_sha256${iterations}$NaCl${base64.b64encode(made).decode()}"


PEOPLE: list[dict[str, Any]] = [
    {
        "username": "olga",
        "email": "olga@example.com",
        "phone": "89161583866",
        "password": django(),
        "first_name": "Ольга",
    },
    {"username": "ivan@example.com", "password": django(), "is_verified": "true", "is_superuser": "1"},
    {"username": "forgetful", "email": "forgetful@example.com", "password": "!unusable"},
]


def run_import(path: Path, dsn: str) -> tuple[int, str, str]:
    done = run_cli("accounts", "import", "--file", str(path), directory=path.parent, DATABASE__URL=dsn)
    return done.returncode, done.stdout, done.stderr


def as_csv(people: list[dict[str, Any]]) -> bytes:
    names = list(dict.fromkeys(name for person in people for name in person))
    lines: list[str] = []

    class Lines:
        write = lines.append

    writer = csv.DictWriter(Lines(), names)
    writer.writeheader()
    writer.writerows(people)
    return "".join(lines).encode("utf-8-sig")


async def log_in(api: Api, username: str, password: str = PASSWORD) -> int:
    return (await api.post("/api/auth/token/", {"username": username, "password": password})).status


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
async def test_imported_accounts_log_in_with_their_old_password(
    api: Api, db: Database, dsn: str, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"people.{kind}"
    file.write_bytes(as_csv(PEOPLE) if kind == "csv" else b"\n".join(map(orjson.dumps, PEOPLE)))
    assert await asyncio.to_thread(run_import, file, dsn) == (0, "3 imported, 0 refused.\n", "")
    assert await log_in(api, "olga", "Wrong-Word-42") == 401
    assert await log_in(api, "89161583866") == 200
    hashed = await db.value("select password_hash from accounts where username = 'olga'")
    assert hashed.startswith("bcrypt-sha256$"), "the first log-in made it one of ours"
    assert await log_in(api, "olga") == 200
    assert await db.value("select password_hash from accounts where username = 'olga'") == hashed, "once"
    ivan = await db.one("select * from accounts where email = 'ivan@example.com'")
    assert (ivan["role"], ivan["email_verified_at"] is not None, "@" in ivan["username"]) == (None, True, False)
    assert await asyncio.gather(*(log_in(api, "ivan@example.com") for _ in range(5))) == [200] * 5
    assert await log_in(api, "forgetful") == 401
    assert await db.value("select count(*) from outbox") == 0, "no mail is sent"


async def test_invalid_records_are_reported_by_line_and_the_rest_is_imported(
    dsn: str, db: Database, tmp_path: Path
) -> None:
    hostile = [
        PEOPLE[0],
        {**PEOPLE[0], "email": "other@example.com"},
        {"username": "slow", "password": django().replace("$1000$", "$999999999$")},
        {"username": "md5", "password": "md5$salt$0123456789abcdef"},
        {"username": "+79990000000", "password": django()},
        ["not", "a", "person"],
        {"username": "last", "password": django()},
    ]
    file = tmp_path / "people.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, hostile)))
    code, out, errors = await asyncio.to_thread(run_import, file, dsn)
    assert (code, out) == (1, "2 imported, 5 refused.\n")
    assert [line.partition(":")[0] for line in errors.splitlines()] == [f"line {number}" for number in range(2, 7)]
    assert "NaCl" not in errors, "no hash is shown"
    assert [row["username"] for row in await db.all("select username from accounts order by id")] == ["olga", "last"]


SEMICOLONS = f"username;email;password\r\nexcel1;excel1@example.com;{django()}\r\nexcel2;e2@example.com;{django()}\r\n"
TABS = SEMICOLONS.replace(";", "\t")
DUMP: list[dict[str, Any]] = [
    {"model": "auth.group", "pk": 1, "fields": {"name": "editors"}},
    {
        "model": "auth.user",
        "pk": 1,
        "fields": {"username": "excel1", "email": "d1@example.com", "password": django(), "is_active": True},
    },
    {"model": "shop.User", "pk": 2, "fields": {"username": "gone", "password": django(), "is_active": False}},
]


@pytest.mark.parametrize(
    ("name", "content", "code", "out"),
    [
        ("excel.csv", SEMICOLONS.encode(), 0, "2 imported, 0 refused.\n"),
        ("excel.csv", SEMICOLONS.encode("cp1251"), 0, "2 imported, 0 refused.\n"),
        ("tabs.txt", TABS.encode(), 0, "2 imported, 0 refused.\n"),
        ("sep.csv", f"sep=;\r\n{SEMICOLONS}".encode(), 0, "2 imported, 0 refused.\n"),
        ("unicode.txt", TABS.encode("utf-16"), 0, "2 imported, 0 refused.\n"),
        ("dump.json", orjson.dumps(DUMP), 0, "2 imported, 0 refused.\n"),
        ("dump.jsonl", b"\n".join(map(orjson.dumps, DUMP)), 0, "2 imported, 0 refused.\n"),
        ("list.json", orjson.dumps([{"login": "excel1", "password": django()}]), 0, "1 imported, 0 refused.\n"),
        ("lines.csv", orjson.dumps({"username": "excel1", "password": django()}), 0, "1 imported, 0 refused.\n"),
    ],
)
async def test_the_format_is_recognised_by_the_contents(
    api: Api, dsn: str, tmp_path: Path, name: str, content: bytes, code: int, out: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert (await asyncio.to_thread(run_import, file, dsn))[:2] == (code, out)
    assert await log_in(api, "excel1") == 200


async def test_a_record_without_a_name_and_a_broken_line_are_reported_by_line(
    dsn: str, db: Database, tmp_path: Path
) -> None:
    sheet = tmp_path / "people.csv"
    sheet.write_text(f"username,email,first_name,password\nfirst,,Анна,{django()}\n,,Призрак,{django()}\nthird,,,!\n")
    code, out, errors = await asyncio.to_thread(run_import, sheet, dsn)
    assert (code, out) == (1, "2 imported, 1 refused.\n")
    assert errors.startswith("line 3: The record has neither")
    lines = tmp_path / "people.jsonl"
    lines.write_text('{"username": "json1", "password": "!"}\n{"username": "json2",\n\n{"username": "json3"}\n')
    code, out, errors = await asyncio.to_thread(run_import, lines, dsn)
    assert (code, out) == (1, "2 imported, 1 refused.\n")
    assert errors.startswith("line 2: The record cannot be read. It is not a JSON object.")
    names = [row["username"] for row in await db.all("select username from accounts order by id")]
    assert names == ["first", "third", "json1", "json3"]


async def test_lines_are_counted_as_an_editor_does(dsn: str, db: Database, tmp_path: Path) -> None:
    sheet = tmp_path / "people.csv"
    sheet.write_text(
        "\nusername,email,first_name,password\n"
        'first,,"Анна\nМария",!\n'
        "\n"
        ",,Призрак,!\n"
        "shifted,,Иванова, Анна,!\n"
        'broken,,"a"b,!\n'
        "last,,,!\n"
        'open,,"Вера,!\nswallowed,,,!\n'
    )
    code, out, errors = await asyncio.to_thread(run_import, sheet, dsn)
    assert (code, out) == (1, "2 imported, 4 refused.\n")
    assert [line.split(":")[0] for line in errors.splitlines()] == [f"line {number}" for number in (6, 7, 8, 10)]
    assert "more cells than columns" in errors
    assert "unexpected end of data" in errors
    assert [row["username"] for row in await db.all("select username from accounts order by id")] == ["first", "last"]


async def test_an_import_is_repeated_after_an_interruption(api: Api, db: Database, dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, PEOPLE[:2])))
    assert (await asyncio.to_thread(run_import, file, dsn))[:2] == (0, "2 imported, 0 refused.\n")
    assert await log_in(api, "olga") == 200
    hashed = await db.value("select password_hash from accounts where username = 'olga'")
    other = {**PEOPLE[0], "email": "other@example.com", "phone": None}
    file.write_bytes(b"\n".join(map(orjson.dumps, [*PEOPLE, other])))
    code, out, errors = await asyncio.to_thread(run_import, file, dsn)
    assert (code, out) == (1, "1 imported, 1 refused, 2 already there.\n")
    assert errors.startswith("line 4: ")
    assert await db.value("select password_hash from accounts where username = 'olga'") == hashed
    assert await db.value("select count(*) from accounts") == 3


async def test_a_deactivated_account_is_imported_as_a_blocked_one(
    api: Api, db: Database, dsn: str, tmp_path: Path
) -> None:
    dump = tmp_path / "dump.json"
    gone = {"username": "gone", "email": "gone@example.com", "password": django(), "is_active": False}
    dump.write_bytes(orjson.dumps([{"model": "auth.user", "pk": 1, "fields": gone}]))
    assert await asyncio.to_thread(run_import, dump, dsn) == (0, "1 imported, 0 refused.\n", "")
    assert await log_in(api, "gone") == 401
    taken = {"username": "gone", "email": "gone@example.com", "password": "Greeting-for-Mum-77"}
    assert (await api.post("/api/auth/register/", taken)).status == 409
    await db.execute("update accounts set is_active = true")
    assert await log_in(api, "gone") == 200, "once the staff have unblocked it"


async def test_a_dump_is_read_with_the_profiles_of_its_users(db: Database, dsn: str, tmp_path: Path) -> None:
    def user(pk: int | None, username: str, model: str = "auth.user") -> dict[str, Any]:
        return {"model": model, "pk": pk, "fields": {"username": username, "password": "!", "first_name": ""}}

    dump = tmp_path / "dump.json"
    dump.write_bytes(
        orjson.dumps(
            [
                {"model": "contenttypes.contenttype", "pk": 1, "fields": {"app_label": "auth", "model": "user"}},
                {"model": "api.profile", "pk": 2, "fields": {"user": 1, "phone": "89161583866", "bio": "о себе"}},
                user(1, "olga"),
                user(2, "petr"),
                user(None, "natural"),
                {"model": "api.profile", "pk": 3, "fields": {"user": ["natural"], "date_of_birth": "1990-05-17"}},
                user(5, "star", "api.users"),
                {"model": "api.ratestar", "pk": 5, "fields": {"rating": "5"}},
                {"model": "api.star", "pk": 5, "fields": {"phone": "+79990000005", "price": "15000.00"}},
                {"model": "shop.member", "pk": 6, "fields": {"email": "m@example.com", "password": "!"}},
            ]
        )
    )
    assert await asyncio.to_thread(run_import, dump, dsn) == (0, "5 imported, 0 refused.\n", "")
    rows = await db.all("select username, email, phone, birth_date::text as born from accounts order by id")
    assert [(row["username"], row["phone"], row["born"]) for row in rows[:4]] == [
        ("olga", "+79161583866", None),
        ("petr", None, None),
        ("natural", None, "1990-05-17"),
        ("star", "+79990000005", None),
    ]
    assert rows[4]["email"] == "m@example.com"


@as_subtests
@pytest.mark.parametrize("text", [b"", b"first_name;password\nAnna;x\n", b"\xff\xfe\x00", b"[" * 100_000, b"[1"])
async def test_an_unreadable_file_is_reported(dsn: str, tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "people.jsonl"
    file.write_bytes(text)
    code, _, errors = await asyncio.to_thread(run_import, file, dsn)
    assert code == 1
    assert "cannot be read" in errors
    assert "Traceback" not in errors
