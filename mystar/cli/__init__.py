"""The command line of the operator: ``python -m mystar``."""
