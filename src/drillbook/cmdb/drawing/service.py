"""What a drawing of a service shows: what it needs below it with what protects that, what needs it above."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from drillbook.cmdb.drawing.cards import Card, Picture, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from drillbook.cmdb.drawing.words import Words
    from drillbook.cmdb.model import Cmdb, Entry

Needs = dict[str, set[str]]

_LAYER = 7  # cards beside each other above the subject; more are put together by tier
_ALIKE = 3  # services with the same lines become one card from so many on
_NAMES = 6  # rows of such a card
_ROWS = 14  # rows of a service; more are put together
_BEST = ("hot_standby", "cold_standby", "backup")


def picture_of_service(cmdb: Cmdb, service: Entry, words: Words) -> Picture:
    """Give the layers: what needs the service, itself, what it needs, the farthest outermost."""
    needs = {each.id: services_below(cmdb, each) for each in cmdb.services}
    below = _closure(service.id, needs)
    needed_by: Needs = {}
    for upper, lowers in needs.items():
        for lower in lowers:
            needed_by.setdefault(lower, set()).add(upper)
    above = _closure(service.id, needed_by)
    groups, lines = _together(cmdb, service.id, above, needs)
    up = _levels(service.id, {(lower, upper) for upper, lower in lines})
    down_lines = {(upper, lower) for upper in {service.id, *below} for lower in needs[upper]}
    down = _levels(service.id, down_lines)
    layers: list[tuple[str, tuple[Card, ...]]] = []
    for level in range(max(up.values()), 0, -1):
        ids = sorted(each for each, its in up.items() if its == level)
        layers.append(("", tuple(_above(cmdb, each, groups[each], words) for each in ids)))
    layers.append(("", (_card(cmdb, service, words, subject=True),)))
    for level in range(1, max(down.values()) + 1):
        ids = sorted(each for each, its in down.items() if its == level)
        layers.append(("", tuple(_card(cmdb, cmdb.services[each], words) for each in ids)))
    if above:
        layers[0] = (words.say("needs_it"), layers[0][1])
    if below:
        first = max(up.values()) + 1
        layers[first] = (words.say("needed"), layers[first][1])
    return Picture(
        title=words.title(service),
        kind=f"{words.say('service')} · {service.id}",
        subtitle=" · ".join([_tier(service, words), *_facts(service, words)]),
        footnote=f"{cmdb.organisation} · {cmdb.digest[:19]}",
        layers=tuple(layers),
        lines=tuple(sorted(_reduced(lines) | _reduced(down_lines))),
        legend_title=words.say("legend"),
        legend=legend(words),
    )


def legend(words: Words, line: str = "legend_line") -> tuple[tuple[str, str], ...]:
    """Give the signs and what they mean; ``line`` names the words for a line."""
    names = ("hot_standby", "legend_hot"), ("cold_standby", "legend_cold"), ("backup", "legend_copies")
    return (*((sign, words.say(name)) for sign, name in names), ("bare", words.say("legend_bare")),
            ("line", words.say(line)))  # fmt: skip


def services_below(cmdb: Cmdb, service: Entry) -> set[str]:
    """Give the services that a service needs, itself or through its items, but not through other services."""
    found: set[str] = set(service.get("depends_on", ()))
    seen: set[str] = set()
    open_ = list(service.get("provided_by"))
    while open_:
        id_ = open_.pop()
        if id_ in seen:
            continue
        seen.add(id_)
        if id_ in cmdb.services:
            found.add(id_)
        else:
            open_ += cmdb.config_items[id_].get("depends_on", ())
    return found


def _closure(start: str, follow: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    open_ = [start]
    while open_:
        for each in follow.get(open_.pop(), ()):
            if each not in found:
                found.add(each)
                open_.append(each)
    return found


def _reduced(lines: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Leave out lines that a longer way says too: who needs what needs it, needs it."""
    follow: Needs = {}
    for upper, lower in lines:
        follow.setdefault(upper, set()).add(lower)
    reach = {upper: {each for low in lowers for each in _closure(low, follow)} for upper, lowers in follow.items()}
    return {(upper, lower) for upper, lower in lines if lower not in reach[upper]}


def _levels(start: str, lines: set[tuple[str, str]]) -> dict[str, int]:
    """Give the longest way from the start to each, along lines that form no cycle."""
    level = {start: 0}
    following: dict[str, list[str]] = {}
    entering = Counter(to for _, to in lines)
    for each, to in lines:
        following.setdefault(each, []).append(to)
    ready = [start]
    while ready:
        each = ready.pop()
        for to in following.get(each, ()):
            level[to] = max(level.get(to, 0), level[each] + 1)
            entering[to] -= 1
            if not entering[to]:
                ready.append(to)
    return level


def _together(
    cmdb: Cmdb, subject: str, above: set[str], needs: Needs
) -> tuple[dict[str, list[str]], set[tuple[str, str]]]:
    """Put services above together that are alike; give the members of each card, and the lines between cards."""
    lines = {(upper, lower) for upper in above for lower in needs[upper] if lower in above or lower == subject}
    card = {each: each for each in (*above, subject)}

    def drawn() -> set[tuple[str, str]]:
        return {(card[upper], card[lower]) for upper, lower in lines}

    while True:
        uppers: Needs = {}
        lowers: Needs = {}
        for upper, lower in drawn():
            uppers.setdefault(lower, set()).add(upper)
            lowers.setdefault(upper, set()).add(lower)
        alike: dict[tuple[frozenset[str], frozenset[str]], list[str]] = {}
        for each in sorted(set(card.values()) - {subject}):
            alike.setdefault((frozenset(uppers.get(each, ())), frozenset(lowers[each])), []).append(each)
        members = Counter(card.values())
        merged = [
            cards for cards in alike.values() if len(cards) > 1 and sum(members[each] for each in cards) >= _ALIKE
        ]
        if not merged:
            break
        _merge(card, merged)
    level = _levels(subject, {(lower, upper) for upper, lower in drawn()})
    for row in range(1, max(level.values()) + 1):
        cards = sorted({each for each, its in level.items() if its == row})
        by_tier: dict[int, list[str]] = {}
        for each in cards if len(cards) > _LAYER else ():
            by_tier.setdefault(cmdb.services[each].get("tier"), []).append(each)
        _merge(card, by_tier.values())
    groups: dict[str, list[str]] = {}
    for each in sorted(cmdb.services.ids(), key=lambda id_: int(cmdb.services[id_].get("tier"))):
        if each in card:
            groups.setdefault(card[each], []).append(each)
    return groups, drawn()


def _merge(card: dict[str, str], merged: Iterable[Sequence[str]]) -> None:
    """Let the first of each of these cards stand for the others."""
    first = {each: cards[0] for cards in merged for each in cards}
    for each, its in card.items():
        card[each] = first.get(its, its)


def _tier(service: Entry, words: Words) -> str:
    return words.say("tier", service.get("tier"))


def _facts(service: Entry, words: Words) -> list[str]:
    hours = [str(service.get("hours"))] if service.get("hours") else []
    return [words.say("objectives", service.get("rto"), service.get("rpo")), *hours]


def _above(cmdb: Cmdb, id_: str, members: list[str], words: Words) -> Card:
    if len(members) == 1:
        service = cmdb.services[members[0]]
        lines = (words.title(service), " · ".join(_facts(service, words)))
        rows: tuple[Row, ...] = (state(cmdb, service, words),)
        return Card(id_, service.id, _tier(service, words), service.get("tier"), lines, rows)
    tiers = Counter(cmdb.services[each].get("tier") for each in members)
    names = ", ".join(words.say("counted", count, words.say("tier", tier)) for tier, count in sorted(tiers.items()))
    shown = members if len(members) <= _NAMES else members[: _NAMES - 1]
    rows = tuple(Row(each, words.title(cmdb.services[each])) for each in shown)
    if len(shown) < len(members):
        rows = (*rows, Row(words.say("more", len(members) - len(shown))))
    badge = words.say("tier", "–".join(map(str, dict.fromkeys((min(tiers), max(tiers))))))
    return Card(id_, words.services(len(members)), badge, min(tiers), (names,), rows)


def _card(cmdb: Cmdb, service: Entry, words: Words, *, subject: bool = False) -> Card:
    rows = _rows(cmdb, service, words, apart=subject)
    return Card(
        service.id, service.id, _tier(service, words), service.get("tier"),
        (words.title(service), " · ".join(_facts(service, words))), (*rows, state(cmdb, service, words)),
        subject=subject,
    )  # fmt: skip


def units(cmdb: Cmdb, service: Entry) -> list[tuple[Entry, list[Entry]]]:
    """Give each item that provides a service with what protects it, the best first; idle halves are left out."""
    protections = [each for each in cmdb.protections if each.get("service") == service.id]
    by_primary: dict[str, list[Entry]] = {}
    for each in sorted(protections, key=lambda one: _BEST.index(one.get("kind"))):
        by_primary.setdefault(each.get("members")["primary"], []).append(each)
    idle = {each.get("members").get("standby") for each in protections} - set(by_primary)
    return [(cmdb.config_items[id_], by_primary.get(id_, [])) for id_ in service.get("provided_by") if id_ not in idle]


def _rows(cmdb: Cmdb, service: Entry, words: Words, *, apart: bool) -> list[Row]:
    found = units(cmdb, service)
    if apart and sum(max(1, len(protections)) for _, protections in found) <= _ROWS:
        return [row for item, protections in found for row in _unit(cmdb, item, protections, words)]
    alike: dict[tuple[str, tuple[str, ...]], list[tuple[Entry, list[Entry]]]] = {}
    for item, protections in found:
        kinds = tuple(dict.fromkeys(each.get("kind") for each in protections))
        alike.setdefault((item.get("class"), kinds), []).append((item, protections))
    rows = []
    for (class_, kinds), same in alike.items():
        kind = kinds[0] if kinds else "bare"
        names = [_name(item, protections) for item, protections in same]
        what = f"{len(same)} × {words.class_(class_)}" if len(same) > 1 else words.class_(class_)
        notes = [what, *(_how(each, words) for each in same[0][1][:2])] if kinds else [what, words.say("bare")]
        rows.append(Row(words.some(names, 2), " · ".join(notes), kind))
    return rows


_ARROWS = {"hot_standby": " ⇄ ", "cold_standby": " ← ", "backup": " ← "}


def _other(protection: Entry) -> str | None:
    members: Mapping[str, str] = protection.get("members")
    return members.get("standby") or members.get("spare") or members.get("library")


def _name(item: Entry, protections: list[Entry]) -> str:
    other = _other(protections[0]) if protections else None
    return f"{item.id}{_ARROWS[protections[0].get('kind')]}{other}" if other else item.id


def _unit(cmdb: Cmdb, item: Entry, protections: list[Entry], words: Words) -> list[Row]:
    """Give a row for each protection of an item: who takes over, how, and where both stand."""
    what = words.class_(item.get("class"))
    if not protections:
        return [Row(item.id, " · ".join(filter(None, (what, words.say("bare"), _place(cmdb, item, words)))), "bare")]
    rows = []
    for each in protections:
        other = _other(each)
        places = [_place(cmdb, item, words)]
        if other is not None:
            places.append(_place(cmdb, cmdb.config_items[other], words))
        place = " / ".join(dict.fromkeys(filter(None, places)))
        note = " · ".join(filter(None, (what, _how(each, words), place)))
        rows.append(Row(_name(item, [each]), note, each.get("kind"), strong=each is protections[0]))
    return rows


def _how(protection: Entry, words: Words) -> str:
    kind = protection.get("kind")
    if kind == "backup":
        return words.say("backup", protection.get("interval"))
    replication = protection.get("replication")
    more = f", {words.say(replication)}" if replication in ("synchronous", "asynchronous") else ""
    return words.say(kind) + more


def _place(cmdb: Cmdb, item: Entry, words: Words) -> str:
    rooms = cmdb.sites[item.get("site")].get("rooms", {})
    room = rooms.get(item.get("room"), {}).get("title", {})
    return str(room.get(words.language, ""))


def state(cmdb: Cmdb, service: Entry, words: Words) -> Row:
    """Give a row that sums up how a service comes back when one of its items fails."""
    kinds = [protections[0].get("kind") if protections else "bare" for _, protections in units(cmdb, service)]
    bare, copies = kinds.count("bare"), kinds.count("backup")
    if bare:
        return Row(words.say("some_bare", bare), sign="bare")
    if copies:
        return Row(words.say("from_copies", copies), sign="backup")
    sign = "cold_standby" if "cold_standby" in kinds else "hot_standby"
    return Row(words.say("all_taken_over"), sign=sign)
