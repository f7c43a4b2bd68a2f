"""Printing what `migrate` would do."""

from __future__ import annotations

import click

from mystar.kit.postgres.migration_plan import plan


def print_plan(dsn: str) -> None:
    """A line for each migration, with the kinds of its statements, and whether all of them only add."""
    planned = plan(dsn)
    if not planned:
        click.echo("The schema is up to date.")
        return
    for one in planned:
        kinds = ", ".join(f"{number} × {kind}" for kind, number in one.kinds.items())
        repeated = "" if one.is_transactional else " (not in a transaction; may be repeated)"
        click.echo(f"{one.name}, {one.phase or 'undeclared'}: {kinds}{repeated}")
        for statement in one.takes_away:
            click.echo(f"    takes away: {statement[:200]}")
        for statement in one.scans:
            click.echo(f"    goes through a table while others wait: {statement[:200]}")
    taking = [one.name for one in planned if one.phase == "contract" or one.takes_away]
    if taking:
        click.echo(
            f"{len(planned)} migrations; not only additions, so stop the release before first: {', '.join(taking)}"
        )
    else:
        click.echo(f"{len(planned)} migrations, all of them additions: the release before runs on meanwhile.")
