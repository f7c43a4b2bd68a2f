"""Many rows, made by PostgreSQL itself, for any schema since 0020: only columns that it had are named.

Rows of one person or conversation lie far apart, as they do where many people write at once. Triggers and foreign keys
are off meanwhile, and indexes are built afterwards, so that a million rows of a table take seconds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psycopg2

#: Settings of a server for so much.
LARGE_SERVER = {"shared_buffers": "2GB", "max_wal_size": "8GB"}
#: The tables in the order in which they are filled. ``:n`` = rows of each large table; people are a tenth,
#: conversations a twentieth.
ROWS = {
    "accounts": """
        insert into accounts (id, username, username_key, email, email_key, created_at) overriding system value
        select i, 'person' || i, 'person' || i, 'person' || i || '@example.com', 'person' || i || '@example.com',
            now() - i * interval '1 second'
        from generate_series(1, :n / 10) i""",
    "notification_boxes": """
        insert into notification_boxes (account_id, last_id) select i, :n from generate_series(1, :n / 10) i""",
    "sessions": """
        insert into sessions (id, account_id, door, expires_at)
        select gen_random_uuid(), i % (:n / 10) + 1, 'market', now() + interval '1 day'
        from generate_series(1, :n) i""",
    "files": """
        insert into files (id, owner_id, key, kind, name, content_type, size, sha256) overriding system value
        select i, i % (:n / 10) + 1, 'files/' || i, 'image', 'a.png', 'image/png', 1000, sha256(i::text::bytea)
        from generate_series(1, :n) i""",
    "creators": """
        insert into creators (id, account_id) overriding system value
        select i, i from generate_series(1, :n / 100) i""",
    "services": """
        insert into services (id, creator_id, kind, title, base_price) overriding system value
        select i, i % (:n / 100) + 1, 'service', 'A portrait ' || i, 500000 from generate_series(1, :n) i""",
    "orders": """
        insert into orders (id, kind, service_id, creator_id, buyer_id, status, money, money_goal, price, total_price,
            wish, paid_at, completed_at)
        overriding system value
        select i, 'service', i % :n + 1, i % (:n / 100) + 1, i % (:n / 10) + 1, 'completed', 'captured', 'capture',
            500000, 500000, repeat('a wish ', 10), now(), now()
        from generate_series(1, :n) i""",
    "order_events": """
        insert into order_events (order_id, actor_role, action, to_status, to_money)
        select i % :n + 1, 'buyer', 'placed', 'pending', 'none' from generate_series(1, :n) i""",
    "payments": """
        insert into payments (id, order_id, payer_id, amount, description, return_url, status, goal, captured,
            provider_id)
        overriding system value
        select i, i, i % (:n / 10) + 1, 500000, 'Order ' || i, 'https://stars.example/', 'captured', 'capture', 500000,
            gen_random_uuid()::text
        from generate_series(1, :n) i""",
    "ledger_entries": """
        insert into ledger_entries (move_id, payment_id, account, amount, currency, reason)
        select gen_random_uuid(), i % :n + 1, 'held', 500000, 'RUB', 'hold' from generate_series(1, :n) i""",
    "reviews": """
        insert into reviews (order_id, creator_id, service_id, author_id, rating, words)
        select i, i % (:n / 100) + 1, i % :n + 1, i % (:n / 10) + 1, 5, 'Lovely' from generate_series(1, :n) i""",
    "conversations": """
        insert into conversations (id, low_id, high_id, starter_id, last_number, position, active_at)
        overriding system value
        select i, i, :n / 20 + i, i, 20, 20, now() - i * interval '1 second' from generate_series(1, :n / 20) i""",
    "messages": """
        insert into messages (id, conversation_id, number, position, sender_id, text, client_id, sent_at)
        overriding system value
        select i, i % (:n / 20) + 1, i / (:n / 20) + 1, i / (:n / 20) + 1,
            i % (:n / 20) + 1 + case when i / (:n / 20) % 2 = 0 then 0 else :n / 20 end,
            'Hello, when will it be ready? I would like it in blue.', i::text, now()
        from generate_series(0, :n - 1) i""",
    "notifications": """
        insert into notifications (id, account_id, kind, data, subject, subject_id, created_at, read_at)
        select i, i % (:n / 10) + 1, 'order_paid', jsonb_build_object('order', i, 'title', 'A portrait'), 'order', i,
            now() - (:n - i) * interval '1 millisecond', case when i % 4 > 0 then now() end
        from generate_series(1, :n) i""",
    "outbox": """
        insert into outbox (topic, name, payload, done_at)
        select 'mail', 'order:' || i,
            jsonb_build_object('to', 'person' || i || '@example.com', 'text', repeat('words ', 100)),
            now() - i * interval '1 millisecond'
        from generate_series(1, :n) i""",
    "audit_entries": """
        insert into audit_entries (chain, number, at, act, actor_id, subject, address, details, hash)
        select i % 4 + 1, i / 4 + 1, now() - (:n - i) * interval '1 millisecond',
            (array['logged_in', 'order_placed', 'payment_held', 'field_changed'])[i % 4 + 1], i % (:n / 10) + 1,
            'account:' || i % (:n / 10) + 1, '203.0.113.7', '{"door": "market"}', sha256(i::text::bytea)
        from generate_series(0, :n - 1) i""",
    "audit_heads": "update audit_heads set length = :n / 4 where chain <= 4",
}
#: PostgreSQL leaves such indexes alone until they are built anew. Only a superuser may do this.
_WITHOUT_INDEXES = "update pg_index set indisready = false where indrelid = %s::regclass"
#: Ids go on after those that were given.
_SEQUENCES = """
    select setval(pg_get_serial_sequence(table_name, 'id'), %(n)s) from information_schema.columns
    where table_schema = 'public' and column_name = 'id' and is_identity = 'YES' and table_name = any(%(tables)s)
    union all select setval('notification_ids', %(n)s)"""


def fill(dsn: str, n: int, tables: Iterable[str] = ROWS) -> None:
    """:param n: rows of each large table, a multiple of 100."""
    tables = list(tables)
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        # No triggers and no foreign keys.
        cursor.execute("set session_replication_role = replica; set synchronous_commit = off")
        cursor.execute("set maintenance_work_mem = '256MB'")
        for table in tables:
            cursor.execute(_WITHOUT_INDEXES, (table,))
            cursor.execute(ROWS[table].replace(":n", str(n)))
            cursor.execute(f"reindex table {table}")
        cursor.execute(_SEQUENCES, {"n": n, "tables": tables})
        cursor.execute("vacuum analyze")
