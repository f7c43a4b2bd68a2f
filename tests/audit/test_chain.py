"""Rows of the audit log that are edited, removed or cut off are found (promise S18)."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from mystar.app import broken_invariants
from mystar.audit.keys import AUDIT
from mystar.audit.model import ChainBreak
from mystar.kit.postgres.database import ConstraintViolated, Database
from mystar.settings import Settings
from tests.conftest import Api

ROWS = 36


@pytest.fixture
async def written(api: Api, app: web.Application, db: Database) -> Database:
    """Rows, half of them written concurrently, in a table whose triggers are switched off."""
    audit = app[AUDIT]
    for number in range(ROWS // 2):
        await audit.record_separately("staff_act", f"order:{number}", number=number)
    await asyncio.gather(
        *(audit.record_separately("limit_hit", route=f"market.{number}") for number in range(ROWS // 2))
    )
    assert await db.value("select count(*) from audit_entries") == ROWS
    assert await audit.verify() == []
    await db.execute("alter table audit_entries disable trigger all")
    await db.execute("alter table audit_heads disable trigger all")
    return db


async def test_the_database_refuses_to_change_or_remove_a_row(api: Api, app: web.Application, db: Database) -> None:
    await app[AUDIT].record_separately("staff_act")
    for statement in (
        "update audit_entries set act = 'x'",
        "delete from audit_entries",
        "truncate audit_entries",
        "delete from audit_heads",
        "truncate audit_heads",
    ):
        with pytest.raises(ConstraintViolated):
            await db.execute(statement)


async def test_editing_any_row_is_found(written: Database, app: web.Application) -> None:
    columns = ("act", "subject", "address", "details", "actor_id", "at", "hash", "number", "chain")
    changes = {
        "details": "details || '{\"x\": 1}'",
        "actor_id": "coalesce(actor_id, 0) + 1",
        "at": "at + interval '1 microsecond'",
        "hash": "sha256(hash)",
        "number": "number + 100000",
        "chain": "chain + 1000",
    }
    for place, row in enumerate(await written.all("select * from audit_entries order by id")):
        column = columns[place % len(columns)]
        change = changes.get(column, f"{column} || 'x'")
        await written.execute(f"update audit_entries set {column} = {change} where id = %(id)s", id=row["id"])
        (first, *_) = await app[AUDIT].verify()
        assert first.chain == row["chain"]
        assert first.number in (row["number"], row["number"] + 1)
        await written.execute(
            f"update audit_entries set {column} = %(before)s where id = %(id)s", id=row["id"], before=row[column]
        )
    assert await app[AUDIT].verify() == []


async def test_removing_any_row_is_found(written: Database, app: web.Application) -> None:
    await written.execute("create table kept as select * from audit_entries")
    for row in await written.all("select id, chain, number from audit_entries order by id"):
        await written.execute("delete from audit_entries where id = %(id)s", id=row["id"])
        (first,) = await app[AUDIT].verify()
        assert (first.entry_id, first.chain, first.number) == (None, row["chain"], row["number"])
        await written.execute(
            "insert into audit_entries overriding system value select * from kept where id = %(id)s",
            id=row["id"],
        )
    assert await app[AUDIT].verify() == []


async def test_a_row_in_a_chain_that_does_not_exist_is_found(written: Database, app: web.Application) -> None:
    (row,) = await written.all("select * from audit_entries where chain = 1 and number = 1")
    for chain in (-1, 1_000_000):
        (added,) = await written.all(
            """insert into audit_entries (chain, number, at, act, subject, address, details, hash)
            select %(chain)s, 7, at, act, subject, address, details, hash from audit_entries where id = %(id)s
            returning id""",
            chain=chain,
            id=row["id"],
        )
        assert await app[AUDIT].verify() == [ChainBreak(added["id"], chain, 7, "there is no such chain")]
        await written.execute("delete from audit_entries where id = %(id)s", id=added["id"])


async def test_two_swapped_rows_are_found(written: Database, app: web.Application) -> None:
    await written.execute("update audit_entries set number = -number where chain = 1 and number in (3, 4)")
    await written.execute("update audit_entries set number = 7 + number where chain = 1 and number < 0")
    (first,) = await app[AUDIT].verify()
    assert (first.chain, first.number) == (1, 3)


async def test_a_recomputed_chain_has_a_wrong_signature(written: Database, app: web.Application) -> None:
    """An attacker who has only the database can adjust the head, but not its signature."""
    await written.execute("delete from audit_entries where chain = 1 and number > 10")
    await written.execute(
        "update audit_heads set length = 10,"
        " hash = (select hash from audit_entries where chain = 1 and number = 10) where chain = 1"
    )
    (found,) = await app[AUDIT].verify()
    assert found == ChainBreak(None, 1, 10, "the end of the chain has a wrong signature")
    assert any("chain 1" in sentence for sentence in await broken_invariants(app))


async def test_an_older_database_contradicts_the_checkpoint(
    written: Database, app: web.Application, settings: Settings
) -> None:
    audit = app[AUDIT]
    await written.execute("create table kept as select * from audit_heads")
    length = await written.value("select length from audit_heads where chain = 1")
    await audit.record_separately("sign_in")
    await audit.save_checkpoint()
    assert await audit.verify() == []
    # The last row is removed, and the earlier head, with its true signature, is put back.
    await written.execute("delete from audit_entries where chain = 1 and number = %(number)s", number=length + 1)
    await written.execute(
        "update audit_heads set length = kept.length, hash = kept.hash, seal = kept.seal"
        " from kept where kept.chain = audit_heads.chain"
    )
    found = ChainBreak(None, 1, length + 1, "the end of the chain is cut off")
    assert await audit.verify() == [found]
    # The checkpoint is not overwritten.
    await audit.save_checkpoint()
    assert await audit.verify() == [found]
    # Other rows in their place are noticed as well.
    await audit.record_separately("sign_in")
    await audit.record_separately("sign_in")
    assert [(one.chain, one.number) for one in await audit.verify()] == [(1, length + 1)]
    checkpoint = settings.data_dir / "audit-witness.json"
    checkpoint.write_text(checkpoint.read_text().replace("chains", "chainz"))
    assert await audit.verify() == []


async def test_an_emptied_chain_is_found(written: Database, app: web.Application) -> None:
    await app[AUDIT].save_checkpoint()
    await written.execute("delete from audit_entries where chain = 1")
    await written.execute("update audit_heads set length = 0, hash = '', seal = '' where chain = 1")
    assert [(one.chain, one.number) for one in await app[AUDIT].verify()] == [(1, 1)]
    await written.execute("delete from audit_heads where chain = 1")
    assert [one.chain for one in await app[AUDIT].verify()] == [1]


async def test_concurrent_writers_do_not_wait_for_each_other(api: Api, app: web.Application, db: Database) -> None:
    async with db.transaction() as slow:
        await app[AUDIT].record(slow, "sign_in")
        async with asyncio.timeout(10):
            await app[AUDIT].record_separately("sign_in")
    assert await db.value("select count(distinct chain) from audit_entries") == 2
    assert await app[AUDIT].verify() == []
