"""Orders and conversations while something that the service stands on is taken away, each with its own books.

    python -m tests.promises.faults                     # names the scenarios
    python -m tests.promises.faults postgres-away --seed 7 --full

`environment.py` makes what a scenario stands on; `scenarios.py` collects them. A scenario ends in bounded time. The
exit code is 1 when anything was lost, doubled, late or stuck, and 77 when this machine cannot run it; the last line
says what.
"""
