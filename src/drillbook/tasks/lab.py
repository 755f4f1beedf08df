"""The lab: real hosts on this machine, to drill on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, nearest_estate, task

if TYPE_CHECKING:
    from pathlib import Path

    from invoke.context import Context

    from drillbook.cmdb.model import Cmdb


def lab_environment(cmdb: Cmdb) -> str:
    """Give the first environment that the lab makes. Raises UsageError when the CMDB has none."""
    from drillbook.errors import UsageError

    for environment in cmdb.environments:
        if environment.get("kind") == "lab":
            return environment.id
    raise UsageError("the CMDB has no environment of kind lab", remedy="add one to the section environments")


@task(touches=Touches.MACHINE, help={"fresh": "make every host anew, with the roles that the CMDB says"})
def up(_context: Context, fresh: bool = False) -> None:
    """Bring the lab up; heal it; leave it alone when it is whole."""
    from drillbook.cmdb.load import load
    from drillbook.console.output import console
    from drillbook.console.progress import progress_for
    from drillbook.lab import lifecycle

    root = estate_root()
    cmdb = load(root)
    environment = lab_environment(cmdb)
    state = lifecycle.up(cmdb, environment=environment, root=root, progress=progress_for(), fresh=fresh)
    hosts = ", ".join(f"{host.item} {host.address}" for host in state.hosts.values())
    console.print(f"The lab is up: {hosts}")


@task(touches=Touches.NOTHING)
def status(_context: Context) -> None:
    """Say how the lab and each of its hosts are; change nothing."""
    import shlex

    from rich.table import Table

    from drillbook.cmdb.load import load
    from drillbook.console.output import console
    from drillbook.errors import ExitCode
    from drillbook.lab import lifecycle

    root = estate_root()
    cmdb = load(root)
    found = lifecycle.status(cmdb, lab_environment(cmdb), root=root)
    if found.missing:
        console.print(f"This machine lacks: {', '.join(found.missing)}; ./inv lab.up installs them.")
    if found.hosts:
        table = Table("host", "address", "power", "health", box=None)
        for host in found.hosts:
            table.add_row(host.item, host.address, "on" if host.running else "off", host.problem or "as it should be")
        console.print(table)
    if found.healthy:
        console.print("The lab is up and whole.")
        return
    if found.elsewhere is not None:
        console.print(f"The lab of this machine belongs to another checkout: {found.elsewhere}")
        there = shlex.quote(str(found.elsewhere))
        console.print(f"  → work there, or take it down first: cd {there} && ./inv lab.down")
    elif found.state is None:
        console.print(f"{found.problem[:1].upper()}{found.problem[1:]}; ./inv lab.up brings it up.")
    elif found.problem:
        console.print(f"The lab is not whole: {found.problem}; ./inv lab.up heals it.")
    else:
        _say_unhealthy(root, cmdb)
    sys.exit(ExitCode.ASSUMPTION)


def _say_unhealthy(root: Path, cmdb: Cmdb) -> None:
    """Say what is to be done about hosts that are not as the CMDB has them: what runs left is not to be healed away."""
    from drillbook.console.output import console
    from drillbook.tasks.lab_left import left_by_runs

    left = left_by_runs(root, root / ".drillbook", cmdb, lab_environment(cmdb))
    if not left:
        console.print("The lab is not whole: see above; ./inv lab.up heals it.")
        return
    console.print("The lab is as runs have left it:")
    for sentence, commands in left:
        console.print(f"  ! {sentence}")
        for command in commands:
            console.print(f"    → {command}")
    console.print(
        "./inv lab.up would make every host above that is not as it should be anew, with the roles of the CMDB; "
        "what was written on it since is gone then."
    )


@task(touches=Touches.MACHINE, help={"purge": "remove the hosts' image too; the next lab.up builds it again"})
def down(_context: Context, purge: bool = False) -> None:
    """Take the lab away, and put back what it changed on this machine."""
    from pathlib import Path

    from drillbook.console.output import console
    from drillbook.lab import lifecycle

    # The estate that the lab was of may be gone.
    lifecycle.down(root=nearest_estate() or Path.cwd(), purge=purge)
    console.print("The lab is gone." + ("" if purge else " Its hosts' image is kept; --purge removes it too."))
