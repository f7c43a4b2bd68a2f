"""Every promise of docs/promises.md, run against real processes by one command: `python -m tests.promises`.

`registry.py` says how each promise is shown, `proofs.py` what kinds of proof there are, `runner.py` runs them and
`table.py` writes what came out into docs/promises.md. `faults/` takes away the database, the bus, the provider, the
disk and the clock while orders are placed. `planting.py` plants a fault in the code of the service, and `mutants.py`
lists the faults that show that each promise's check can fail.
"""
