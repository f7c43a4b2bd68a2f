"""Imported by Python itself when it starts with this folder in its path (`tests/promises/planting.py`)."""

from tests.promises.planting import install

install()
