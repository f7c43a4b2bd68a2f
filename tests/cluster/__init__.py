"""What production has on several machines, on one: `scripts/cluster`.

Three processes of the service behind nginx, Redis, PgBouncer in front of HAProxy in front of a PostgreSQL primary and
its synchronous standby, which Patroni promotes through etcd, and a bucket. Everything listens on free ports of
127.0.0.1, lives in a temporary directory and ends with the command.
"""
