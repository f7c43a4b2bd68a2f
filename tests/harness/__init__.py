"""Whether money survives: the service is killed over and over while people buy and sell; then everything is counted.

`service.py` starts the service as a child and kills it; the sandbox, in a process of its own that is never killed,
keeps the journal that is the truth about money; `people.py` are patient clients that write down whatever was
acknowledged, `stories.py` is what they do; `world.py` reads what is left, and `checker.py` compares journal,
acknowledgements and database. `run.py` puts them together; `python -m tests.harness --help` runs it at any size.
"""
