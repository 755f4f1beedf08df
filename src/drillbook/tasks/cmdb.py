"""The CMDB: check it, look at it, and generate what others read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import estate_root, task

if TYPE_CHECKING:
    from invoke.context import Context


@task
def check(_context: Context) -> None:
    """Check everything: the files, the rules over the graph, and whether inventories are fresh."""
    from drillbook.cmdb.load import check as findings_below
    from drillbook.cmdb.load import load
    from drillbook.console.output import console
    from drillbook.errors import InvalidInput

    root = estate_root()
    findings = findings_below(root)
    if findings:
        raise InvalidInput(findings)
    cmdb = load(root)
    console.print(
        f"✓ {cmdb.organisation}: {len(cmdb.config_items)} items, {len(cmdb.services)} services and "
        f"{len(cmdb.protections)} protections, no findings\n  {cmdb.digest}"
    )


@task(positional=["item"], help={"item": "any id of the CMDB"})
def show(_context: Context, item: str) -> None:
    """Show an entry: its fields, where it stands, and what it hangs together with."""
    from drillbook.cmdb.load import load
    from drillbook.console.cmdb_view import show as view
    from drillbook.console.output import console

    cmdb = load(estate_root())
    console.print(view(cmdb, cmdb.find(item)))


@task(positional=["item"], help={"item": "an item, a service, a site, a room, or a rack as room/rack"})
def impact(_context: Context, item: str) -> None:
    """Tell what follows when it fails: which services stop, what protects them, who must be told."""
    from drillbook.cmdb.graph import impact as impact_of
    from drillbook.cmdb.load import load
    from drillbook.console.cmdb_view import impact_view
    from drillbook.console.output import console

    cmdb = load(estate_root())
    console.print(impact_view(cmdb, impact_of(cmdb, item)))


@task(help={"env": "only this environment"})
def inventory(_context: Context, env: str | None = None) -> None:
    """Write inventories/<env>/hosts.yml, which Ansible and Fabric read."""
    from drillbook.cmdb import inventory as inventories
    from drillbook.cmdb.load import load
    from drillbook.console.output import console

    root = estate_root()
    cmdb = load(root)
    for environment in [cmdb.environments[env].id] if env else cmdb.environments.ids():
        changed = inventories.write(cmdb, environment, root)
        count = len(inventories.inventory(cmdb, environment)["all"]["hosts"])
        path = inventories.path_of(root, environment).relative_to(root)
        console.print(f"{'✓ written' if changed else '· unchanged'}  {path}  {count} hosts")


@task(
    name="list",
    help={
        "section": "only this section, such as services",
        "env": "only what has an address in this environment",
    },
)
def list_(_context: Context, section: str | None = None, env: str | None = None) -> None:
    """List the entries of the CMDB, or of one section."""
    from drillbook.cmdb.load import load
    from drillbook.cmdb.model import SECTIONS
    from drillbook.console.cmdb_view import listing
    from drillbook.console.output import console
    from drillbook.errors import UsageError

    if section is not None and section not in SECTIONS:
        raise UsageError(f"there is no section '{section[:80]}'", remedy=f"one of: {', '.join(SECTIONS)}")
    cmdb = load(estate_root())
    for name in [section] if section else SECTIONS:
        table = listing(cmdb, cmdb.section(name), env)
        if table.row_count:
            console.print(table)
            console.print()
