"""Estates: begin one of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    touches=Touches.FILES,
    positional=["folder"],
    help={
        "folder": "where to; empty or absent",
        "name": "the organisation's name",
        "pair": "the id of its pair of databases; its hosts are called after it",
        "subnet": "the IPv4 network of its lab, inside this machine",
    },
)
def new(_: Context, folder: str, name: str = "", pair: str = "", subnet: str = "") -> None:
    """Write a small estate of your own: a site, a pair of databases, runbooks and drills."""
    import shlex
    from pathlib import Path

    from drillbook.console.output import console
    from drillbook.estate.choice import Choice
    from drillbook.estate.write import new_estate

    chosen = {"organisation": name, "pair": pair, "subnet": subnet}
    choice = Choice.of(**{key: value for key, value in chosen.items() if value})
    where = new_estate(Path(folder), choice)
    console.print(f"✓ {where} is an estate: one site, one pair ({choice.pair}), runbooks, two drills")
    console.print(f"  cd {shlex.quote(str(where))}")
    console.print("  ./inv cmdb.check")
    console.print(f"  ./inv runbooks.plan RB-DB-SWITCHOVER --param pair={choice.pair}")
    console.print(f"  sudo ./inv drills.run {choice.pair}-failover")
    console.print("  README.md says what to change first. It is not in git yet: git init is yours to do.")


@task(touches=Touches.FILES)
def schemas(_: Context) -> None:
    """Renew schemas/, which editors complete and check with, after an upgrade of drillbook."""
    from drillbook.console.output import console
    from drillbook.estate.write import write_schemas

    changed = write_schemas(estate_root())
    for each in changed:
        console.print(f"✓ written  {each}")
    if not changed:
        console.print("· unchanged")
