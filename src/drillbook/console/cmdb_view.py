"""Shows the CMDB to a person: an entry, what follows when it fails, lists. Nothing here prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from drillbook.cmdb.addressing import hosts_of
from drillbook.cmdb.graph import Effect, Loss
from drillbook.text import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from drillbook.cmdb.graph import FailedService, Impact, Reason, ToTell
    from drillbook.cmdb.model import Cmdb, Entry, Section

_SHOWN = 3  # ids written out where there may be many
_TEXT = {"en", "zh"}


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
    parts: list[RenderableType] = [head, place, Text(), Padding(fields, (0, 0, 0, 2))]
    relations = _relations(cmdb, entry)
    if relations.children:
        parts += [Text(), Padding(relations, (0, 0, 0, 2))]
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
        for each in entries:
            node.add(_named(each))

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
    return tree


def _named(entry: Entry) -> Text:
    text = Text.assemble((entry.id, "bold"), f"  {title_of(entry)}")
    if entry.section == "services":
        text.append(f"  tier {entry.get('tier')}, RTO {entry.get('rto')}, RPO {entry.get('rpo')}", style="dim")
    elif entry.section == "protections":
        text.append(f"  {_kind(entry)}", style="dim")
    return text


def _kind(protection: Entry) -> str:
    return str(protection.get("kind")).replace("_", " ")


def impact_view(cmdb: Cmdb, found: Impact) -> RenderableType:
    """Give what follows when something fails, the worst first, and who must be told."""
    parts: list[RenderableType] = [_headline(found)]
    _part(parts, "Services", _services(cmdb, found))
    _part(parts, "Protections", _protections(cmdb, found))
    _part(parts, "Items that go with it", _items(found))
    _part(parts, "To be told", _people(cmdb, found))
    _part(parts, "To be called (line 3)", _vendors(cmdb, found))
    return Group(*parts)


def _part(parts: list[RenderableType], title: str, body: Table) -> None:
    if body.row_count:
        parts += [Text(), Text(title, style="bold"), Padding(body, (0, 0, 0, 2))]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for index, style in enumerate(columns):
        table.add_column(style=style or None, no_wrap=index == 0, overflow="fold")
    return table


def _headline(found: Impact) -> Text:
    stop = sum(each.effect is Effect.STOPS for each in found.services)
    back = len(found.services) - stop
    text = Text("If ")
    text.append(visible(found.id), style="bold")
    text.append(" fails: ")
    if not found.services:
        text.append("no service stops", style="green")
        return text
    words = []
    if stop:
        words.append((f"{stop} service{'s' * (stop != 1)} down until repaired", "bold red"))
    if back:
        words.append((f"{back} interrupted until a protection has taken over", "yellow"))
    for index, (phrase, style) in enumerate(words):
        text.append(", " if index else "")
        text.append(phrase, style=style)
    return text


def _services(cmdb: Cmdb, found: Impact) -> Table:
    table = _table("", "")
    contested = {each.service: each.other for each in found.protections if each.loss is Loss.CONTESTED}
    for each in found.services:
        down = each.effect is Effect.STOPS
        style = "red" if down else "yellow"
        cell = Text.assemble(
            (f"tier {each.tier}, RTO {cmdb.services[each.id].get('rto')}: ", "dim"),
            (_outcome(cmdb, each, contested.get(each.id)), style),
        )
        if each.via[:-1] and each.via[:-1] != (found.id,):
            cell.append(f"\nthrough {' → '.join(each.via[:-1])}", style="dim")
        table.add_row(Text.assemble(("✗ " if down else "~ ", style), (each.id, "bold")), cell)
    return table


def _outcome(cmdb: Cmdb, service: FailedService, spare: str | None) -> str:
    if service.effect is Effect.STOPS:
        if spare is not None:
            return f"down, unless {spare} is given to it"
        if service.not_back:
            return f"down; nothing brings back {_some(service.not_back)}"
        return "down"
    takers = [each for each in service.back_by if cmdb.protections[each].get("kind") != "backup"]
    if takers:
        return f"back when {_some(tuple(takers))} has taken over"
    if service.back_by:
        return f"back when restored from {_some(service.back_by)}"
    return f"back when {service.via[-2]} is back"


_LOSSES = {
    Loss.TAKES_OVER: ("takes over", "yellow"),
    Loss.CONTESTED: ("contested", "red"),
    Loss.GONE: ("gone", "bold red"),
    Loss.EXPOSED: ("exposed", "magenta"),
}


def _protections(cmdb: Cmdb, found: Impact) -> Table:
    table = _table("bold", "", "")
    for each in found.protections:
        protection = cmdb.protections[each.id]
        word, style = _LOSSES[each.loss]
        match each.loss:
            case Loss.TAKES_OVER if protection.get("kind") == "backup":
                explained = "restored from media"
            case Loss.TAKES_OVER:
                explained = f"by {each.other}; no second copy until it is rebuilt"
            case Loss.CONTESTED:
                explained = f"{each.other} can stand in for one only; decide which"
            case Loss.GONE:
                explained = f"{each.other} is down too"
            case Loss.EXPOSED:
                explained = f"{each.other} is down or taken: {each.service} runs without"
        table.add_row(Text(each.id), Text(word, style=style), Text(f"{_kind(protection)}; {explained}"))
    return table


def _items(found: Impact) -> Table:
    table = _table("bold", "")
    by_cause: dict[str, list[str]] = {}
    for each in found.items:
        if each.because is not None:
            by_cause.setdefault(each.because, []).append(each.id)
    for cause, ids in by_cause.items():
        table.add_row(Text(f"with {cause}"), Text(", ".join(ids)))
    return table


def _people(cmdb: Cmdb, found: Impact) -> Table:
    table = _table("", "bold", "", "dim")
    for each in found.people:
        person = cmdb.people[each.id]
        table.add_row(
            Text(f"line {each.line}" if each.line else ""),
            Text(title_of(person)),
            Text(person.get("contact", {}).get("phone", "no phone")),
            Text(_why(each)),
        )
    return table


_REASONS = {
    "desk": "answers users of",
    "looks_after": "looks after",
    "owns": "owns",
    "named": "asked to be told of",
}


def _why(person: ToTell) -> str:
    def phrase(reason: Reason) -> str:
        return f"{_REASONS[reason.kind]} {_some(reason.ids)}"

    return "; ".join(phrase(reason) for reason in person.reasons)


def _vendors(cmdb: Cmdb, found: Impact) -> Table:
    table = _table("bold", "", "dim")
    for call in found.vendors:
        vendor = cmdb.vendors[call.vendor]
        terms = vendor.get("contracts", {}).get(call.contract, {})
        details = [f"for {_some(call.about)}"]
        if call.contract is not None:
            details.append(f"contract {call.contract}, {terms['level']}")
        if "on_site_within" in terms:
            details.append(f"on site within {terms['on_site_within']}")
        for id_ in call.contacts:
            person = cmdb.people[id_]
            details.append(f"{title_of(person)} {person.get('contact', {}).get('phone', '')}".rstrip())
        table.add_row(Text(title_of(vendor)), Text(call.phone), Text(visible("; ".join(details), limit=600)))
    return table


def _some(ids: tuple[str, ...]) -> str:
    if len(ids) <= _SHOWN + 1:
        return ", ".join(ids)
    return f"{', '.join(ids[:_SHOWN])} and {len(ids) - _SHOWN} more"


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
            text = f"{_kind(entry)} of {entry.get('service')}"
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
