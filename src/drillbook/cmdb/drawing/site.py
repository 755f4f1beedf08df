"""What a drawing of a site shows: its services, its rooms with their equipment, and what it needs from elsewhere."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from drillbook.cmdb.drawing.cards import Card, Picture, Row
from drillbook.cmdb.drawing.service import legend, services_below, state
from drillbook.cmdb.impact import Effect, impact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drillbook.cmdb.drawing.words import Words
    from drillbook.cmdb.model import Cmdb, Entry

_NAMES = 20  # services that a card names
_FEW = 5  # up to so many have their titles below them
_STOPPED = 6  # services that a room's loss stops, named in its card
_BESIDE = 4  # cards of rooms in one layer; from more on, quiet rooms stand in one of their own
# Ids of cards that stand for no entry: an id of the CMDB has no space.
_NOWHERE, _OTHERS, _MEDIA, _ELSEWHERE = "no room", "other rooms", "all media", "other sites"


def picture_of_site(cmdb: Cmdb, site: Entry, words: Words) -> Picture:
    """Give three layers: services by the rooms that they stand in, the rooms, services of other sites."""
    here = {each.id: each for each in cmdb.config_items if each.get("site") == site.id}
    rooms_of: dict[str, set[str]] = {}
    for service in cmdb.services:
        rooms = {here[each].get("room", _NOWHERE) for each in service.get("provided_by") if each in here}
        if rooms:
            rooms_of[service.id] = rooms - {_NOWHERE} or rooms
    busy = {room for its in rooms_of.values() for room in its}
    cards = _rooms(cmdb, site, here, busy, words)
    order = [card.id for card in cards]
    titles = {card.id: card.head for card in cards}
    by_rooms: dict[tuple[str, ...], list[str]] = {}
    for service_id, its in rooms_of.items():
        by_rooms.setdefault(tuple(sorted(its, key=order.index)), []).append(service_id)
    above, lines = [], []
    for rooms_, services in sorted(by_rooms.items()):
        group = " & ".join(rooms_) + " services"
        names = [titles[each] for each in rooms_ if each != _NOWHERE]
        above.append(_services(cmdb, group, services, names, words))
        lines += [(group, each) for each in rooms_]
    layers = [(words.say("stands"), tuple(above))] if above else []
    aside = [each for each in cards if each.id in (_OTHERS, _MEDIA)] if len(cards) > _BESIDE else []
    layers.append((words.say("rooms"), tuple(each for each in cards if each not in aside)))
    if aside:
        layers.append((words.say("others"), tuple(aside)))
    outside = sorted({low for each in rooms_of for low in services_below(cmdb, cmdb.services[each])} - set(rooms_of))
    if outside:
        rows = tuple(Row(each, words.title(cmdb.services[each])) for each in outside[:_NAMES])
        layers.append((words.say("elsewhere"), (Card(_ELSEWHERE, words.services(len(outside)), rows=rows),)))
        lines += [(each, _ELSEWHERE) for each in order if each in busy]
    return Picture(
        title=words.title(site),
        kind=f"{words.say('site')} · {site.id}",
        subtitle=" · ".join([words.say("items", len(here)), *_classes(here.values(), words)]),
        footnote=f"{cmdb.organisation} · {cmdb.digest[:19]}",
        layers=tuple(layers),
        lines=tuple(lines),
        legend_title=words.say("legend"),
        legend=legend(words, "legend_place"),
    )


def _classes(items: Iterable[Entry], words: Words) -> list[str]:
    count = Counter(each.get("class") for each in items)
    return [words.say("counted", many, words.class_(name)) for name, many in count.most_common()]


def _services(cmdb: Cmdb, id_: str, services: list[str], rooms: list[str], words: Words) -> Card:
    entries = sorted((cmdb.services[each] for each in services), key=lambda each: (each.get("tier"), each.id))
    shown = entries if len(entries) <= _NAMES else entries[: _NAMES - 1]
    rows = []
    for each in shown:
        title, sign, strong = words.title(each), state(cmdb, each, words).sign, each.get("tier") == 1
        if len(entries) <= _FEW:
            rows.append(Row(each.id, title, sign, strong=strong))
        else:
            rows.append(Row(f"{each.id} · {title}", "", sign, strong=strong))
    if len(shown) < len(entries):
        rows.append(Row(words.say("more", len(entries) - len(shown))))
    tiers = sorted({each.get("tier") for each in entries})
    badge = words.say("tier", "–".join(map(str, dict.fromkeys((tiers[0], tiers[-1])))))
    where = words.say("in_rooms", words.say("and").join(rooms)) if rooms else words.say("virtual")
    return Card(id_, words.services(len(entries)), badge, tiers[0], (where,), tuple(rows))


def _rooms(cmdb: Cmdb, site: Entry, here: Mapping[str, Entry], busy: set[str], words: Words) -> list[Card]:
    """Give a card for each room in which services stand, one for the others, one for items without a room."""
    inside: dict[str, list[Entry]] = {room: [] for room in site.get("rooms", {})}
    for item in here.values():
        inside.setdefault(item.get("room", _NOWHERE), []).append(item)
    cards, quiet = [], []
    for room, items in inside.items():
        if room == _NOWHERE:
            rows = tuple(Row(each) for each in _classes(items, words))
            cards.append(Card(_NOWHERE, words.say("no_room"), rows=rows))
        elif room in busy:
            cards.append(_room(cmdb, site, room, items, words))
        elif items:
            quiet.append(room)
    if quiet:
        titles = [site.get("rooms")[room]["title"][words.language] for room in quiet]
        rows = tuple(Row(each) for each in _classes([each for room in quiet for each in inside[room]], words))
        head = titles[0] if len(quiet) == 1 else words.say("rooms_of", len(quiet))
        cards.append(Card(_OTHERS, head, lines=(words.some(titles, 3),) if len(quiet) > 1 else (), rows=rows))
    media = [each for each in cmdb.media if each.get("site") == site.id]
    if media or not cards:
        written = Counter(each.get("written", "")[:4] or words.say("empty") for each in media)
        rows = tuple(Row(words.say("counted", count, year)) for year, count in sorted(written.items(), reverse=True))
        cards.append(Card(_MEDIA, words.say("media", len(media)), rows=rows))
    return cards


def _room(cmdb: Cmdb, site: Entry, room: str, items: list[Entry], words: Words) -> Card:
    described = site.get("rooms")[room]
    building = described.get("building", {}).get(words.language)
    racks = len(described.get("racks", {}))
    lines = [room, " · ".join(filter(None, (building, words.racks(racks) if racks else None)))]
    found = impact(cmdb, room).services
    stopped = [each.id for each in found if each.effect is Effect.STOPS]
    back = len(found) - len(stopped)
    rows = [Row(each) for each in _classes(items, words)]
    rows.append(Row(words.say("if_lost"), strong=True))
    if stopped:
        rows.append(Row(words.say("stop", words.services(len(stopped))), sign="bare"))
        rows += [Row(each, sign="blank") for each in stopped[:_STOPPED]]
        if len(stopped) > _STOPPED:
            rows.append(Row(words.say("more", len(stopped) - _STOPPED), sign="blank"))
    if back:
        rows.append(Row(words.say("come_back", words.services(back))))
    if not found:
        rows.append(Row(words.say("nothing_stops")))
    return Card(
        room, described["title"][words.language], lines=tuple(filter(None, lines)), rows=tuple(rows), subject=True
    )
