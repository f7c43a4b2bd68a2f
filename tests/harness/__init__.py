"""Whether money survives kills: the service is killed repeatedly while orders are placed and paid.

`service.py` starts the service as a child process and kills it. The sandbox, in a process of its own that is never
killed, keeps the journal of what the provider did. `client.py` retries requests and records what was acknowledged,
`scenarios.py` says what the clients do, `interruptions.py` kills at a chosen action. `snapshot.py` reads the result,
and `checker.py` compares journal, acknowledgements and database. `run.py` puts them together; `python -m tests.harness
--help` runs it at any size.
"""
