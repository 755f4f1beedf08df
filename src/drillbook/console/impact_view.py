"""Shows what follows when something fails: short where much follows, or everything. Nothing here prints."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from drillbook.cmdb.impact import Effect, Loss
from drillbook.cmdb.impact.effects import Part
from drillbook.console.cmdb_view import kind_of, title_of
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from drillbook.cmdb.impact import FailedProtection, FailedService, Impact, Reason, ToTell
    from drillbook.cmdb.model import Cmdb

_SHOWN = 3  # ids written out where there may be many
_MUCH_SERVICES, _MUCH_ITEMS, _MUCH_PROTECTIONS = 12, 30, 8  # more is shown short
_ALIKE = 4  # services with one outcome become one line from so many on


@dataclass(frozen=True, slots=True)
class _View:
    """What is shown, and whether short."""

    cmdb: Cmdb
    found: Impact
    short: bool


def impact_view(cmdb: Cmdb, found: Impact, *, whole: bool = False) -> RenderableType:
    """Give what follows when something fails, the worst first, and who must be told.

    Where much follows, what is alike is put together and counted, unless ``whole``.
    """
    much = len(found.services) > _MUCH_SERVICES or len(found.items) > _MUCH_ITEMS
    view = _View(cmdb, found, short=much and not whole)
    parts: list[RenderableType] = [_headline(found)]
    if len(found.items) > 1:
        parts.append(_counted(cmdb, found))
    _part(parts, "Services", _services(view))
    many = len(found.protections) > _MUCH_PROTECTIONS
    _part(parts, "Protections", _protections_short(view) if view.short and many else _protections(view))
    _part(parts, "Items that go with it", _items(view))
    _part(parts, "To be told", _people(view))
    _part(parts, "To be called (line 3)", _vendors(view))
    if view.short:
        parts += [
            Text(),
            Text(f"Put together where alike; everything: ./inv cmdb.impact {found.id} --all", style="dim"),
        ]
    return Group(*parts)


def _part(parts: list[RenderableType], title: str, body: Table) -> None:
    if body.row_count:
        parts += [Text(), Text(title, style="bold"), Padding(body, (0, 0, 0, 2), expand=False)]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for index, style in enumerate(columns):
        table.add_column(style=style or None, no_wrap=index == 0, overflow="fold")
    return table


def _counted(cmdb: Cmdb, found: Impact) -> Text:
    """Count the items by class: those that are down, and those that wait for what is interrupted."""
    text = Text()
    for effect, words in ((Effect.STOPS, "down"), (Effect.RECOVERS, "waiting for what is interrupted")):
        classes = Counter(cmdb.config_items[each.id].get("class") for each in found.items if each.effect is effect)
        if classes:
            counts = ", ".join(f"{count} {visible(name)}" for name, count in classes.most_common())
            total = classes.total()
            newline = "\n" if text else ""
            text.append(f"{newline}{total} item{'s' * (total != 1)} {words}: {counts}")
    return text


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
        words.append((f"{back} service{'s' * (back != 1)} interrupted until a protection has taken over", "yellow"))
    for index, (phrase, style) in enumerate(words):
        text.append(", " if index else "")
        text.append(phrase, style=style)
    return text


def _services(view: _View) -> Table:
    table = _table("", "")
    cmdb, found = view.cmdb, view.found
    contested = {each.service: each.other for each in found.protections if each.loss is Loss.CONTESTED}
    waiting = _waiting(found, contested)
    outcomes: dict[tuple[Effect, int, str], list[FailedService]] = {}
    for each in found.services if view.short else ():
        if each.tier > 1:  # those of tier 1 are always named
            same = each.effect, each.tier, _outcome(cmdb, each, contested.get(each.id), waiting)
            outcomes.setdefault(same, []).append(each)
    alike = {its[0].id: its for its in outcomes.values() if len(its) >= _ALIKE}
    folded = {each.id for its in alike.values() for each in its[1:]}
    for each in found.services:
        if each.id in folded:
            continue
        down = each.effect is Effect.STOPS
        style = "red" if down else "yellow"
        outcome = (_outcome(cmdb, each, contested.get(each.id), waiting), style)
        if each.id in alike:
            its = alike[each.id]
            name = f"{len(its)} services"
            cell = Text.assemble((f"tier {each.tier}: ", "dim"), outcome)
            cell.append(f"\n{_some(tuple(one.id for one in its))}", style="dim")
        else:
            name = each.id
            cell = Text.assemble((f"tier {each.tier}, RTO {cmdb.services[each.id].get('rto')}: ", "dim"), outcome)
            if not view.short and each.via[:-1] and each.via[:-1] != (found.id,):
                cell.append(f"\nthrough {' → '.join(each.via[:-1])}", style="dim")
        table.add_row(Text.assemble(("✗ " if down else "~ ", style), (name, "bold")), cell)
    return table


def _waiting(found: Impact, contested: Mapping[str, str | None]) -> set[str]:
    """Give the services that are down and may come back: by a contested spare, or when such a service is back."""
    down = {each.id: each.not_back for each in found.services if each.effect is Effect.STOPS}
    waiting = {id_ for id_ in down if contested.get(id_) is not None}
    while more := {id_ for id_, needs in down.items() if needs and waiting.issuperset(needs)} - waiting:
        waiting |= more
    return waiting


def _outcome(cmdb: Cmdb, service: FailedService, spare: str | None, waiting: set[str]) -> str:
    if service.effect is Effect.STOPS:
        if spare is not None:
            return f"down, unless {spare} is given to it"
        if lost := tuple(each for each in service.not_back if each not in waiting):
            return f"down; nothing brings back {_some(lost)}"
        if needs := service.not_back:
            return f"down until {_some(needs)} {'is' if len(needs) == 1 else 'are'} back"
        return "down"
    takers = [each for each in service.back_by if cmdb.protections[each].get("kind") != "backup"]
    if takers:
        return f"back when {_some(tuple(takers))} {'has' if len(takers) == 1 else 'have'} taken over"
    if service.back_by:
        return f"back when restored from {_some(service.back_by)}"
    return f"back when {service.via[-2]} is back"


_RESTORES = ("restores", "yellow")
_LOSSES = {
    Loss.TAKES_OVER: ("takes over", "yellow"),
    Loss.CONTESTED: ("contested", "red"),
    Loss.GONE: ("gone", "bold red"),
    Loss.EXPOSED: ("exposed", "magenta"),
    Loss.WEAKER: ("weaker", "magenta"),
}
_OF = {
    Part.SNAPSHOTS: "{items} keeps its snapshots: without it nobody can be promoted, and none is taken",
    Part.WITNESS: "{items} is its witness: without it nobody can be promoted, and a host that boots does not serve",
    Part.PASSWORD: "{items} gave the password of its snapshots: without it nobody can be promoted",
}
_DOWN = {
    Part.OTHER: "{items} is down too",
    Part.SNAPSHOTS: "{items} is down too, which keeps its snapshots",
    Part.WITNESS: "{items} is down too, its witness: without it nobody can be promoted",
    Part.PASSWORD: "no place gives the password of its snapshots any more: {items}",
}


def _word(cmdb: Cmdb, failed: FailedProtection) -> tuple[str, str]:
    """Give the word for what happens to a protection, and its style: a backup does not take over."""
    backup = cmdb.protections[failed.id].get("kind") == "backup"
    return _RESTORES if backup and failed.loss is Loss.TAKES_OVER else _LOSSES[failed.loss]


def _protections(view: _View) -> Table:
    table = _table("bold", "", "")
    for each in view.found.protections:
        protection = view.cmdb.protections[each.id]
        word, style = _word(view.cmdb, each)
        match each.loss:
            case Loss.TAKES_OVER if protection.get("kind") == "backup":
                explained = "from media"
            case Loss.TAKES_OVER:
                explained = f"by {each.other}; no second copy until it is rebuilt"
            case Loss.CONTESTED:
                explained = f"{each.other} can stand in for one only; decide which"
            case Loss.GONE:
                explained = _parts(each, _DOWN)
            case Loss.EXPOSED:
                idle = f"{each.other} is down or taken: {each.service} runs without"
                others_down = any(part is Part.OTHER for part, _ in each.without)
                explained = idle if others_down or not each.without else _parts(each, _OF)
            case Loss.WEAKER:
                places = protection.get("snapshot")["password_on"]
                fewer = each.without[0][1]
                left = tuple(place for place in places if place not in fewer)
                explained = f"{_some(fewer)} gave the password of its snapshots; left to ask: {_some(left)}"
        table.add_row(Text(each.id), Text(word, style=style), Text(f"{kind_of(protection)}; {explained}"))
    return table


def _parts(failed: FailedProtection, words: Mapping[Part, str]) -> str:
    return "; ".join(words[part].format(items=_some(items)) for part, items in failed.without)


def _protections_short(view: _View) -> Table:
    """Give a line for each loss, the worst first, with how many it hits."""
    table = _table("", "", "")
    alike: dict[tuple[str, str], list[FailedProtection]] = {}
    for each in view.found.protections:
        alike.setdefault(_word(view.cmdb, each), []).append(each)
    lost = [_LOSSES[each] for each in (Loss.GONE, Loss.CONTESTED)]
    for each_word in (*lost, _LOSSES[Loss.TAKES_OVER], _RESTORES, _LOSSES[Loss.EXPOSED], _LOSSES[Loss.WEAKER]):
        names = tuple(each.id for each in alike.get(each_word, ()))
        if names:
            word, style = each_word
            shown = ", ".join(names) if each_word in lost else _some(names)
            table.add_row(Text(word, style=style), Text(str(len(names))), Text(shown))
    parts: dict[tuple[Part, tuple[str, ...]], list[str]] = {}
    for failed in view.found.protections:
        for part in failed.without if failed.loss is not Loss.WEAKER else ():
            if part[0] is not Part.OTHER:
                parts.setdefault(part, []).append(failed.id)
    for (kind, items), those in parts.items():
        table.add_row(Text(), Text(), Text(f"{_some(tuple(those))}: {_OF[kind].format(items=_some(items))}"))
    return table


def _items(view: _View) -> Table:
    table = _table("bold", "")
    by_cause: dict[str, list[str]] = {}
    for each in view.found.items:
        if each.because is not None:
            by_cause.setdefault(each.because, []).append(each.id)
    for cause, ids in by_cause.items():
        shown = ", ".join(ids)
        if view.short and len(ids) > _SHOWN + 1:
            classes = Counter(view.cmdb.config_items[each].get("class") for each in ids)
            shown = ", ".join(f"{count} {visible(name)}" for name, count in classes.most_common())
        table.add_row(Text(f"with {cause}"), Text(shown))
    return table


def _people(view: _View) -> Table:
    table = _table("", "bold", "", "dim")
    for each in view.found.people:
        person = view.cmdb.people[each.id]
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


def _vendors(view: _View) -> Table:
    cmdb = view.cmdb
    table = _table("bold", "", "dim")
    for call in view.found.vendors:
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
