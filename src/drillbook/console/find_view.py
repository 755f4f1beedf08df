"""Shows items that were found: a table for people. Nothing here prints."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from drillbook.cmdb.find import Part
from drillbook.console.cmdb_view import title_of
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from rich.console import RenderableType

    from drillbook.cmdb.find import Found, Query
    from drillbook.cmdb.model import Cmdb, Entry

_LONGEST_WAY = 3  # ids of a way that are written out


def found_view(cmdb: Cmdb, found: Sequence[Found], query: Query, today: date) -> RenderableType:
    """Give a table of what was found and a line that counts it; columns that all would share are left out.

    A warranty that ended before ``today`` is marked.
    """
    if not found:
        return Text("0 items: nothing in the CMDB is all of that.", style="yellow")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("item", style="bold", no_wrap=True)
    if query.class_ is None:
        table.add_column("class", style="cyan", no_wrap=True)
    table.add_column("place", no_wrap=True)
    if query.service is None:
        table.add_column("brand and model", overflow="fold")
    table.add_column("warranty", no_wrap=True)
    if query.owner is None:
        table.add_column("owner", overflow="fold")
    if query.service is not None:
        table.add_column(f"to {query.service}", overflow="fold")
    copies = {each.get("members").get("library") for each in cmdb.protections}
    for each in found:
        item = each.item
        cells = [Text(visible(item.id))]
        if query.class_ is None:
            cells.append(Text(visible(item.get("class"))))
        cells.append(Text(_place(item)))
        if query.service is None:
            cells.append(Text(_make(item)))
        cells.append(_warranty(item, today))
        if query.owner is None:
            cells.append(Text(title_of(cmdb.people[item.get("owner")])))
        if query.service is not None:
            cells.append(_way(each, restores=item.id in copies))
        table.add_row(*cells)
    return Group(table, Text(), _count(found, today))


def _place(item: Entry) -> str:
    return visible("/".join(filter(None, (item.get("room") or item.get("site"), item.get("rack")))))


def _make(item: Entry) -> str:
    return visible(" ".join(filter(None, (item.get("brand"), item.get("model")))))


def over(item: Entry, today: date) -> bool:
    """Tell whether the warranty of an item ended before a day."""
    until = item.get("warranty", {}).get("until")
    return until is not None and until < today.isoformat()


def _warranty(item: Entry, today: date) -> Text:
    until = item.get("warranty", {}).get("until")
    if until is None:
        return Text("none", style="dim")
    return Text(f"{until} over", style="red") if over(item, today) else Text(until)


_PARTS = {Part.PROVIDES: "provides it", Part.PROTECTS: "takes over", Part.NEEDED: "needed"}


def _way(found: Found, *, restores: bool) -> Text:
    assert found.part is not None
    protects = found.part is Part.PROTECTS
    text = Text(
        "restores" if protects and restores else _PARTS[found.part],
        style="bold" if found.part is Part.PROVIDES else "",
    )
    if found.through:
        ids = found.through[-_LONGEST_WAY:]
        dots = "… " if len(ids) < len(found.through) else ""
        text.append(f" {'for' if protects else 'through'} {dots}{' → '.join(ids)}", style="dim")
    return text


def _count(found: Sequence[Found], today: date) -> Text:
    classes = Counter(each.item.get("class") for each in found)
    parts = ", ".join(f"{count} {visible(name)}" for name, count in classes.most_common())
    text = Text(f"{len(found)} item{'s' * (len(found) != 1)}: {parts}", style="dim")
    ended = sum(over(each.item, today) for each in found)
    if ended:
        text.append(f"; {ended} with the warranty over", style="red")
    return text
