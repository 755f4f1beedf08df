"""Changes of entries and fields in words, as Markdown in which values are escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.cmdb.compare.fields import list_parts
from drillbook.cmdb.compare.words import before_and_after, value_words
from drillbook.review.entries import Kind
from drillbook.review.judgement import Judgement, judged
from drillbook.review.markup import VALUE_LIMIT, Md, code, fill, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from drillbook.cmdb.compare.fields import FieldChange, Path
    from drillbook.cmdb.model import Entry
    from drillbook.review.entries import EntryChange
    from drillbook.review.groups import Group
    from drillbook.review.words import Words

_LISTED = 60  # ids in a fold
_SHORT = 6  # ids in a line
_ONE_BY_ONE = 3  # entries that came or went, of each of which facts are told
_FACTS = {
    "config_items": ("site", "room", "rack", "addresses"),
    "services": ("tier", "rto", "rpo", "provided_by"),
    "protections": ("service", "members", "replication"),
    "networks": ("subnet", "site"),
    "people": ("roles", "line"),
    "spares": ("item", "covers"),
    "media": ("barcode", "site", "library"),
    "environments": ("kind", "network", "addresses_of"),
    "vendors": ("phone",),
    "sites": ("kind",),
}


def noun(group: Group, words: Words) -> Md:
    """Give what the entries of a group are: ``host``, ``hot standby``, ``service``."""
    return Md(words.what(group.what) or words.section(group.section))


def ids(entries: Iterable[str], words: Words, *, most: int = _LISTED) -> Md:
    """Give ids, at most ``most``, and how many more there are."""
    known = list(entries)
    shown = [code(each) for each in known[:most]]
    if len(known) > most:
        shown.append(Md(words.counted("and_more", len(known) - most)))
    return joined(shown, words("comma"))


def value(what: Any, words: Words) -> Md:
    """Give a value."""
    if what is None or what == []:
        return Md(f"*{words('none')}*")
    if isinstance(what, list) and all(isinstance(each, str | int | float) for each in what):
        return ids(map(value_words, what), words, most=_SHORT * 2)
    return code(value_words(what))


def path(keys: Path, words: Words) -> Md:
    """Give the name of a field: ``address (production)`` as words for what the schema knows, ids as code."""
    parts = [Md(word) if (word := words.field(key)) is not None else code(key) for key in keys]
    return joined(parts, " ")


def field(section: str, change: FieldChange, words: Words) -> Md:
    """Give one change of a field: ``rack a1 → a2``, with the mark when something gets weaker."""
    mark = _mark(judged(section, change), words)
    name = path(change.path, words)
    if isinstance(change.old, list) and isinstance(change.new, list):
        gained, lost = list_parts(change.old, change.new)
        if not gained and not lost:
            return Md(f"{name}: {words('order')}{mark}")
        parts = [*(f"+ {value([each], words)}" for each in gained[:_SHORT])]
        parts += [f"− {value([each], words)}" for each in lost[:_SHORT]]
        rest = max(0, len(gained) - _SHORT) + max(0, len(lost) - _SHORT)
        if rest:
            parts.append(words.counted("and_more", rest))
        return Md(f"{name} {', '.join(parts)}{mark}")
    if change.old is None or change.new is None:
        return Md(f"{name} {value(change.old, words)} → {value(change.new, words)}{mark}")
    old, new = before_and_after(change.old, change.new, limit=VALUE_LIMIT)
    return Md(f"{name} {code(old)} → {code(new)}{mark}")


def fields(section: str, changes: Sequence[FieldChange], words: Words, *, most: int = 12) -> Md:
    """Give the changes of an entry's fields."""
    told = [field(section, each, words) for each in changes[:most]]
    if len(changes) > most:
        told.append(Md(words.counted("and_more", len(changes) - most)))
    return joined(told, words("semicolon"))


def _mark(judgement: Judgement, words: Words) -> str:
    if judgement is Judgement.NEUTRAL:
        return ""
    return f" **({words(judgement)})**" if judgement is Judgement.WEAKER else f" ({words(judgement)})"


def facts(entry: Entry, words: Words) -> Md:
    """Give what matters of an entry that came or went."""
    told = [
        Md(f"{words.field(name) or name} {value(entry.get(name), words)}")
        for name in _FACTS.get(entry.section, ())
        if entry.get(name) is not None
    ]
    return joined(told, words("comma"))


def group_lines(group: Group, words: Words) -> Iterator[Md]:
    """Tell a group: mostly one line, with a fold for what is many."""
    what, count, colon = noun(group, words), len(group.changes), words("colon")
    many = Md(words("counted").format(n=count, what=what))
    if group.kind is Kind.CHANGED:
        if group.paths:
            names = joined((path(each, words) for each in group.paths), words("comma"))
            rows = "<br>".join(_row(each, words) for each in group.changes[:_LISTED])
            note = words("brackets").format(words("each"))
            yield Md(f"**{many}**{colon}{names}{note} {_fold(rows, count, words)}")
        elif count > _SHORT:
            told = fields(group.section, group.fields, words)
            yield Md(f"**{many}**{colon}{told} {_id_fold(group.changes, words)}")
        else:
            which = ids((each.id for each in group.changes), words)
            name = f"**{many}**" if count > 1 else what
            yield Md(f"{name} {which}{colon}{fields(group.section, group.fields, words)}")
        return
    verb = words(group.kind)
    if group.kind is Kind.RENAMED:
        for change in group.changes[:_LISTED]:
            told = fields(group.section, change.fields, words)
            more = f"{words('semicolon')}{told}" if told else ""
            yield Md(f"{verb}{colon}{what} {code(change.old_id)} → {code(change.id)}{more}")
        if count > _LISTED:
            yield Md(words.counted("and_more", count - _LISTED))
        return
    if count > _ONE_BY_ONE:
        fold = _id_fold(group.changes, words) if count > _SHORT else ids((each.id for each in group.changes), words)
        yield Md(f"{verb}{colon}**{many}** {fold}")
        return
    for change in group.changes:
        known = facts(change.entry, words)
        told = Md(words("brackets").format(known) if known else "")
        yield Md(f"{verb}{colon}{what} {code(change.id)}{told}{_lost(change, words)}")


def _lost(change: EntryChange, words: Words) -> str:
    """Say that a service loses what brings it back."""
    if change.kind is not Kind.REMOVED or change.section != "protections":
        return ""
    told = fill(words("gone_protection"), service=str(change.entry.get("service")))
    return f" – {told} **({words('weaker')})**"


def _row(change: EntryChange, words: Words) -> str:
    return f"{code(change.id)}{words('colon')}{fields(change.section, change.fields, words, most=4)}"


def _id_fold(changes: Sequence[EntryChange], words: Words) -> str:
    return _fold(ids((each.id for each in changes), words), len(changes), words, told=True)


def _fold(rows: str, count: int, words: Words, *, told: bool = False) -> str:
    """Give a fold within a line, which Markdown passes on as it is."""
    rest = f"<br>{words.counted('and_more', count - _LISTED)}" if count > _LISTED and not told else ""
    return f"<details><summary>{words('which')}</summary>{rows}{rest}</details>"
