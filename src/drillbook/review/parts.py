"""The parts of a review's comment: each a heading, what is always shown, and folds, which go when it is long."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drillbook.cmdb.model import SECTIONS
from drillbook.evidence.verdict import Result
from drillbook.review.drills import Fate
from drillbook.review.groups import groups
from drillbook.review.markup import Md, bullets, code, fence, fill, folded, joined, table
from drillbook.review.services import Touch
from drillbook.review.telling import fields, group_lines, ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drillbook.errors import Finding
    from drillbook.review.drills import DrillChange, Reason
    from drillbook.review.inventories import InventoryChange
    from drillbook.review.model import Review
    from drillbook.review.procedures import FileChange
    from drillbook.review.services import Affected
    from drillbook.review.words import Words

MOST = 30
"""Lines of one list; what is more is counted."""
_DIFF_LINES = 120
_ROWS = 8
_FOLDED_ROWS = 200
_FILES = 20


@dataclass(frozen=True, slots=True)
class Part:
    """A part. ``title`` is ours; ``body`` is always shown, ``folds`` when there is room."""

    title: str
    body: Md
    folds: tuple[Md, ...] = field(default=())


def listed(lines: Sequence[Md], words: Words, *, most: int = MOST) -> Md:
    """Give a list, at most ``most`` lines, and how many more there are."""
    kept = list(lines[:most])
    if len(lines) > most:
        kept.append(Md(words.counted("and_more", len(lines) - most)))
    return bullets(kept)


def forbidden_part(review: Review, words: Words) -> Part | None:
    """Say what no approval makes right."""
    lines = []
    for each in review.forbidden:
        how = words(f"status_{each.what}") if each.rule == "add-only" else ""
        lines.append(
            fill(
                words(each.rule), path=each.path, line=each.line, how=Md(how),
                what=code(each.what, limit=300),
            )
        )  # fmt: skip
    return Part(words("s_forbidden"), listed(lines, words)) if lines else None


def findings_part(review: Review, words: Words) -> Part | None:
    """Say what is wrong in head's files and what is not wrong any more."""
    title = words("s_conflicts") if review.valid else words("s_findings")
    parts = []
    if review.new:
        parts.append(listed([_finding(each) for each in review.new], words))
    if review.kept:
        told = listed([_finding(each) for each in review.kept], words)
        parts.append(Md(f"{words('kept')}{words('colon')}\n\n{told}"))
    if review.mended:
        told = listed([_finding(each) for each in review.mended], words)
        parts.append(Md(f"{words('mended')}{words('colon')}\n\n{told}"))
    return Part(title, joined(parts, "\n\n")) if parts else None


def _finding(finding: Finding) -> Md:
    place = code(f"{finding.file}:{finding.line}")
    return Md(f"{place} **{code(finding.rule)}** {code(finding.message, limit=400)}")


def cmdb_part(review: Review, words: Words) -> Part | None:
    """Say what changes in the CMDB."""
    changes = review.cmdb
    if changes is None or not changes:
        return None
    parts = []
    if changes.organisation is not None:
        old, new = changes.organisation
        parts.append(bullets([fill(words("organisation"), old=old, new=new)]))
    for section in SECTIONS:
        of_section = [each for each in changes.entries if each.section == section]
        if not of_section:
            continue
        lines = [line for group in groups(of_section) for line in group_lines(group, words)]
        head = f"**{words.section(section, many=True)}**\n"
        parts.append(Md(f"{head}{listed(lines, words)}"))
    if changes.follows:
        told = [f"{code(id_)}: {words.counted('follows', count)}" for id_, count in sorted(changes.follows.items())]
        parts.append(listed([Md(each) for each in told], words))
    return Part(words("s_cmdb"), joined(parts, "\n\n"))


def alone_part(review: Review, words: Words) -> Part | None:
    """Say which single failures strand a service now, and which do not any more."""
    parts = []
    for key, found in (("alone", review.alone), ("not_alone", review.not_alone)):
        lines = []
        for each in found:
            line = fill(words(key), failure=each.failure, service=each.service, why=Md(words(f"alone_{each.why}")))
            if key == "alone" and each.accepted is not None:
                line = Md(line + fill(words("alone_accepted"), id=each.accepted))
            lines.append(line)
        if lines:
            parts.append(listed(lines, words))
    return Part(words("s_alone"), joined(parts, "\n\n")) if parts else None


def services_part(review: Review, words: Words) -> Part | None:
    """Say which services stand on what is changed."""
    if not review.services:
        return None
    head = [words("t_service"), words("t_tier"), "RTO", "RPO", words("t_wrong"), words("t_through")]
    rows = [_service(each, words) for each in review.services]
    folds: tuple[Md, ...] = ()
    if len(rows) > _ROWS:
        summary = Md(words.counted("services_more", len(rows) - _ROWS))
        rest = table(head, rows[_ROWS : _ROWS + _FOLDED_ROWS])
        beyond = len(rows) - _ROWS - _FOLDED_ROWS
        if beyond > 0:
            rest = Md(f"{rest}\n\n{words.counted('and_more', beyond)}")
        folds = (folded(summary, rest),)
    return Part(words("s_services"), table(head, rows[:_ROWS]), folds)


def _service(service: Affected, words: Words) -> list[Md]:
    sides = [each for each in (service.before, service.after) if each is not None]
    cells = []
    for place in range(3):
        shown = list(dict.fromkeys(str(each[place]) for each in sides))
        cells.append(joined(map(code, shown), " → "))
    touch = words(service.touch)
    via = joined(map(code, service.via[:-1]), " → ") if len(service.via) > 1 else Md(words("directly"))
    return [code(service.id), *cells, Md(f"**{touch}**" if service.touch is Touch.STOPS else touch), via]


def drills_part(review: Review, words: Words) -> Part | None:
    """Say which drills prove nothing any more, and how they are proved again; those with one reason in one line."""
    alike: dict[tuple[object, ...], list[DrillChange]] = defaultdict(list)
    never = []
    for each in review.drills:
        if each.fate is Fate.STALE and each.last is None:
            never.append(each.name)
        else:
            alike[each.fate, each.proved, each.reasons].append(each)
    lines = [_drills(each, words) for each in alike.values()]
    if never:
        lines.append(fill(words("never"), drills=ids(never, words), colon=Md(words("colon"))))
    if not lines:
        return None
    again = [code(f"./inv drills.run {each.name}") for each in review.stale if each.fate is Fate.STALE]
    if len(again) > _ROWS:
        again = [*again[:_ROWS], Md(words.counted("and_more", len(again) - _ROWS))]
    rerun = words("rerun").format(joined(again, words("comma"))) if again else ""
    return Part(words("s_drills"), Md(f"{listed(lines, words)}\n\n{rerun}".strip()))


def _drills(changes: Sequence[DrillChange], words: Words) -> Md:
    first = changes[0]
    why = joined([_reason(each, words) for each in first.reasons], words("semicolon"))
    names = joined([_with_last(each, words) for each in changes], words("comma"))
    key = str(first.fate)
    if first.fate is Fate.STALE:
        key = "proved" if first.proved else "stale_drill" if len(changes) == 1 else "stale_drills"
    return fill(words(key), drills=names, why=why, colon=Md(words("colon")))


def _with_last(change: DrillChange, words: Words) -> Md:
    """Give a drill's name, and when it was last proved."""
    if change.last is None:
        return code(change.name)
    result = words("met") if change.last.result is Result.MET else words("missed")
    last = words("last").format(when=f"{change.last.started:%Y-%m-%d}", result=result)
    return Md(f"{code(change.name)}{last}")


def _reason(reason: Reason, words: Words) -> Md:
    if reason.kind == "plan":
        return fill(words("r_plan"), what=code(reason.about[0] if reason.about else "", limit=300))
    return fill(words(f"r_{reason.kind}"), what=ids(reason.about, words, most=8))


def procedures_part(review: Review, words: Words) -> Part | None:
    """Say which runbooks, playbooks and drills change, with the lines in folds."""
    if not review.procedures:
        return None
    lines = [_procedure(each, words) for each in review.procedures]
    folds = tuple(
        folded(
            Md(f"{code(each.path)} +{each.added} −{each.removed}"),
            fence(each.lines, "diff", most=_DIFF_LINES, left_out=words("lines_more")),
        )
        for each in review.procedures[:_FILES]
        if each.lines
    )
    return Part(words("s_procedures"), listed(lines, words), folds)


def _procedure(change: FileChange, words: Words) -> Md:
    told = [words(f"status_{change.status}")]
    if change.lines is None:
        told.append(words("not_text"))
    else:
        told.append(f"+{change.added} −{change.removed}")
    if change.path.startswith("playbooks/"):
        told.append(
            words("called_by").format(ids(change.called_by, words, most=8))
            if change.called_by
            else words("called_by_none")
        )
    old = f"{code(change.old_path)} → " if change.old_path != change.path else ""
    return Md(f"{old}{code(change.path)}{words('colon')}{words('comma').join(told)}")


def inventories_part(review: Review, words: Words) -> Part | None:
    """Say which hosts Ansible sees otherwise."""
    if not review.inventories:
        return None
    return Part(words("s_inventories"), listed([_inventory(each, words) for each in review.inventories], words))


def _inventory(change: InventoryChange, words: Words) -> Md:
    told = []
    for key, hosts in (("added", change.added), ("removed", change.removed)):
        if hosts:
            told.append(words.counted(f"hosts_{key}", len(hosts)) + words("brackets").format(ids(hosts, words, most=6)))
    if change.changed:
        rows = [f"{code(id_)}{words('colon')}{fields('', each, words)}" for id_, each in change.changed.items()]
        few = len(rows) <= 3  # noqa: PLR2004 - as many are still read in a line
        shown = words("semicolon").join(rows) if few else _folded_rows(rows, words)
        told.append(
            words.counted("hosts_changed", len(rows)) + (words("brackets").format(shown) if few else f" {shown}")
        )
    return fill(words("in_environment"), environment=change.environment, what=Md(words("comma").join(told)))


def _folded_rows(rows: Sequence[str], words: Words) -> str:
    rest = f"<br>{words.counted('and_more', len(rows) - MOST)}" if len(rows) > MOST else ""
    return f"<details><summary>{words('which')}</summary>{'<br>'.join(rows[:MOST])}{rest}</details>"


def others_part(review: Review, words: Words) -> Part | None:
    """Say of which files nothing was said."""
    if not review.looked_past:
        return None
    told = [f"{code(top)} {words.counted('files', count)}" for top, count in review.looked_past.items()]
    return Part(words("s_others"), joined(map(Md, told[:MOST])))


def present(parts: Iterable[Part | None]) -> list[Part]:
    """Leave out what has nothing to say."""
    return [each for each in parts if each is not None]
