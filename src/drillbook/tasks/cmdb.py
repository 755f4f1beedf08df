"""The CMDB: check it, look at it, and generate what others read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, state_folder, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(touches=Touches.NOTHING)
def check(_context: Context) -> None:
    """Check everything: the files, the rules over the graph, and whether inventories are fresh."""
    from drillbook.cmdb.load import checked
    from drillbook.console.output import console
    from drillbook.errors import InvalidInput

    cmdb, findings = checked(estate_root())
    if findings or cmdb is None:
        raise InvalidInput(findings)
    items, services, protections = (
        f"{len(entries)} {noun}{'s' * (len(entries) != 1)}"
        for entries, noun in ((cmdb.config_items, "item"), (cmdb.services, "service"), (cmdb.protections, "protection"))
    )
    console.print(f"✓ {cmdb.organisation}: {items}, {services} and {protections}, no findings\n  {cmdb.digest}")


@task(touches=Touches.NOTHING, positional=["item"], help={"item": "any id of the CMDB"})
def show(_context: Context, item: str) -> None:
    """Show an entry: its fields, where it stands, and what it hangs together with."""
    from drillbook.cmdb.load import load
    from drillbook.console.cmdb_view import show as view
    from drillbook.console.output import console

    cmdb = load(estate_root())
    console.print(view(cmdb, cmdb.find(item)))


@task(
    touches=Touches.NOTHING,
    positional=["item"],
    help={
        "item": "an item, a service, a site, a room, or a rack as room/rack",
        "all": "everything one by one, also where much follows",
    },
)
def impact(_context: Context, item: str, *, all_: bool = False) -> None:
    """Tell what follows when it fails: which services stop, what protects them, who must be told."""
    from drillbook.cmdb.impact import impact as impact_of
    from drillbook.cmdb.load import load
    from drillbook.console.impact_view import impact_view
    from drillbook.console.output import console

    cmdb = load(estate_root())
    console.print(impact_view(cmdb, impact_of(cmdb, item), whole=all_))


@task(touches=Touches.FILES, help={"env": "only this environment"})
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
    touches=Touches.NOTHING,
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


@task(
    touches=Touches.NOTHING,
    name="find",
    help={
        "class": "only this class, such as host or l3_switch",
        "site": "only what is in this site, room, or rack (as room/rack)",
        "service": "only what this service needs, directly or through what it depends on",
        "owner": "only what this person owns (id)",
        "vendor": "only what this vendor supports (id)",
        "warranty-before": "only warranties that end before this day, such as 2027-06-30",
        "warranty-after": "only warranties that end after this day",
        "contract-before": "only what a contract covers that ends before this day",
        "contract-after": "only what a contract covers that ends after this day",
        "ids": "print ids alone, one a line, for a shell",
        "json": "print JSON, for a program",
    },
)
def find_(
    _context: Context,
    *,
    class_: str | None = None,
    site: str | None = None,
    service: str | None = None,
    owner: str | None = None,
    vendor: str | None = None,
    warranty_before: str | None = None,
    warranty_after: str | None = None,
    contract_before: str | None = None,
    contract_after: str | None = None,
    ids: bool = False,
    json: bool = False,
) -> None:
    """Find items by class, place, service, owner, vendor, or the end of warranty or contract; all must hold."""
    from json import dumps

    from rich.text import Text

    from drillbook.clock import SystemClock
    from drillbook.cmdb.find import Query, as_data, day, find
    from drillbook.cmdb.load import load
    from drillbook.console.find_view import found_view
    from drillbook.console.output import console
    from drillbook.errors import UsageError

    if ids and json:
        raise UsageError("--ids and --json cannot both be", remedy="leave one of them out")
    dates = {
        "warranty_before": warranty_before,
        "warranty_after": warranty_after,
        "contract_before": contract_before,
        "contract_after": contract_after,
    }
    query = Query(
        class_=class_,
        place=site,
        service=service,
        owner=owner,
        vendor=vendor,
        **{name: day(text, f"--{name.replace('_', '-')}") for name, text in dates.items() if text is not None},
    )
    cmdb = load(estate_root())
    found = find(cmdb, query)
    if json:
        console.print(
            Text(dumps([as_data(cmdb, each) for each in found], ensure_ascii=False, indent=2)), soft_wrap=True
        )
    elif ids:
        for each in found:
            console.print(Text(each.item.id), soft_wrap=True)
    else:
        console.print(found_view(cmdb, found, query, SystemClock().now().date()))


@task(
    touches=Touches.FILES,
    positional=["what"],
    help={
        "what": "a service or a site",
        "out": "the file to write; .drillbook/graphs/<id>.svg unless told",
        "lang": "en or zh",
    },
)
def graph(_context: Context, what: str, out: str | None = None, lang: str = "en") -> None:
    """Draw a service (what it stands on, what protects it, what needs it) or a site, as SVG."""
    from pathlib import Path

    from drillbook.cmdb.drawing import draw
    from drillbook.cmdb.load import load
    from drillbook.console.files import write_file
    from drillbook.console.output import console

    root = estate_root()
    picture = draw(load(root), what, lang)
    path = Path(out) if out is not None else state_folder(root) / "graphs" / f"{what}.svg"
    write_file(path, f"{picture}\n".encode(), folders=True)
    console.print(f"✓ {path}", soft_wrap=True)
