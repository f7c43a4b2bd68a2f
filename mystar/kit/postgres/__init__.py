"""PostgreSQL: driver, pool and transactions, named queries, migrations, and the embedded server."""
