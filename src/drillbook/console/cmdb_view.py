"""Shows the CMDB to a person: an entry, and lists. Nothing here prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from drillbook.cmdb.addressing import hosts_of
from drillbook.text import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from drillbook.cmdb.model import Cmdb, Entry, Section

_TEXT = {"en", "zh"}
_MANY = 12  # entries that are named one by one
_SHOWN = 3  # ids that are named where there are more


def title_of(entry: Entry, language: str = "en") -> str:
    """Give the title of an entry, or a person's name, in a language (``en`` or ``zh``)."""
    text = entry.get("name") or entry.get("title") or {}
    return visible(text.get(language, entry.id))


def show(cmdb: Cmdb, entry: Entry) -> RenderableType:
    """Give an entry with all its fields, and what it hangs together with."""
    head = Text.assemble((entry.id, "bold"), f"  {title_of(entry)}  {title_of(entry, 'zh')}")
    place = Text(f"{entry.section} · {entry.file}:{entry.line}", style="dim")
    fields = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    fields.add_column(style="cyan", no_wrap=True)
    fields.add_column(overflow="fold")
    for name, value in _flat(entry):
        fields.add_row(Text(name), Text(value))
    parts: list[RenderableType] = [head, place, Text(), Padding(fields, (0, 0, 0, 2), expand=False)]
    relations = _relations(cmdb, entry)
    if relations.children:
        parts += [Text(), Padding(relations, (0, 0, 0, 2), expand=False)]
    return Group(*parts)


def _flat(entry: Entry) -> Iterator[tuple[str, str]]:
    def walk(value: Any, name: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping) and set(value) == _TEXT:
            yield name, visible(f"{value['en']} · {value['zh']}", limit=400)
        elif isinstance(value, Mapping):
            for key, each in value.items():
                yield from walk(each, f"{name}.{key}" if name else visible(key))
        elif isinstance(value, list):
            yield name, visible(", ".join(map(str, value)), limit=2000) or "(none)"
        elif isinstance(value, bool):
            yield name, "yes" if value else "no"
        else:
            yield name, visible(str(value), limit=1000)

    for key, value in entry.fields.items():
        if key not in ("title", "name"):
            yield from walk(value, key)


def _relations(cmdb: Cmdb, entry: Entry) -> Tree:
    tree = Tree(Text("hangs together with", style="dim"), guide_style="dim")

    def branch(words: str, entries: list[Entry]) -> None:
        if not entries:
            return
        node = tree.add(Text(words, style="cyan"))
        if len(entries) <= _MANY:
            for each in entries:
                node.add(_named(each))
            return
        kinds: dict[str, list[Entry]] = {}
        for each in entries:
            kinds.setdefault(each.get("class", each.section), []).append(each)
        for kind, its in kinds.items():
            if len(its) == 1:
                node.add(_named(its[0]))
                continue
            ids = [each.id for each in its]
            rest = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
            node.add(Text.assemble((f"{len(ids)} {kind}", "bold"), f"  {', '.join(ids[:_SHOWN])}{rest}"))

    id_ = entry.id
    if entry.section == "services":
        branch("provided by", [cmdb.config_items[each] for each in entry.get("provided_by")])
        branch("depends on", [cmdb.services[each] for each in entry.get("depends_on", ())])
        branch("protected by", [each for each in cmdb.protections if each.get("service") == id_])
    branch("provides", [each for each in cmdb.services if id_ in each.get("provided_by")])
    branch("is a member of", [each for each in cmdb.protections if id_ in each.get("members").values()])
    needing = [each for each in (*cmdb.services, *cmdb.config_items) if id_ in each.get("depends_on", ())]
    branch("is needed by", needing)
    branch("is the spare, or covered by the spare", [
        each for each in cmdb.spares if id_ == each.get("item") or id_ in each.get("covers")
    ])  # fmt: skip
    if entry.section == "people":
        owned = [each for each in (*cmdb.services, *cmdb.config_items) if each.get("owner") == id_]
        branch("owns", owned)
    for section, field, words in (("sites", "site", "holds"), ("vendors", "vendor", "supports")):
        if entry.section == section:
            branch(words, [each for each in cmdb.config_items if each.get(field) == id_])
    return tree


def _named(entry: Entry) -> Text:
    text = Text.assemble((entry.id, "bold"), f"  {title_of(entry)}")
    if entry.section == "services":
        text.append(f"  tier {entry.get('tier')}, RTO {entry.get('rto')}, RPO {entry.get('rpo')}", style="dim")
    elif entry.section == "protections":
        text.append(f"  {kind_of(entry)}", style="dim")
    return text


def kind_of(protection: Entry) -> str:
    """Give the kind of a protection in words."""
    return str(protection.get("kind")).replace("_", " ")


def listing(cmdb: Cmdb, section: Section, environment: str | None) -> Table:
    """Give a table of a section; with an environment, of what has an address there, and which."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    widest = max((len(visible(id_)) for id_ in section.ids()), default=0)
    table.add_column(section.name, style="bold", no_wrap=True, min_width=widest)
    source = hosts_of(cmdb, environment) if environment is not None else None
    if source is not None:
        table.add_column("address", no_wrap=True)
    table.add_column("", style="cyan", overflow="fold")
    table.add_column("title", overflow="fold")
    for entry in section:
        cells = [Text(visible(entry.id))]
        if source is not None:
            address = _address(entry, source)
            if address is None:
                continue
            cells.append(Text(address))
        titles = dict.fromkeys((title_of(entry), title_of(entry, "zh")))
        table.add_row(*cells, Text(_brief(entry)), Text(" · ".join(titles)))
    return table


def _address(entry: Entry, source: str) -> str | None:
    for field in ("addresses", "service_address"):
        if source in (found := entry.get(field, {})):
            return str(found[source])
    return None


def _brief(entry: Entry) -> str:
    match entry.section:
        case "config_items":
            place = [entry.get("room") or entry.get("site"), entry.get("rack")]
            text = f"{entry.get('class')} {'/'.join(filter(None, place))}"
        case "services":
            text = f"tier {entry.get('tier')}, RTO {entry.get('rto')}"
        case "protections":
            text = f"{kind_of(entry)} of {entry.get('service')}"
        case "networks":
            text = str(entry.get("subnet"))
        case "environments" | "sites":
            text = str(entry.get("kind")).replace("_", " ")
        case "media":
            text = f"{entry.get('barcode')}, {entry.get('site')}"
        case "spares":
            text = f"covers {', '.join(entry.get('covers'))}"
        case "people":
            text = f"line {entry.get('line')}" if entry.get("line") else ", ".join(entry.get("roles", ()))
        case "vendors":
            text = str(entry.get("phone"))
        case _:
            text = ""
    return visible(text)
