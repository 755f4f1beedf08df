"""Reads the sources and puts the log together."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from drillbook.audit.against import Merged, merged
from drillbook.audit.attribution import Attributions
from drillbook.audit.history import entry_history
from drillbook.audit.lines import CONFIGURATION, lines_of
from drillbook.audit.log import UNAPPROVED, Line, Log, Mark, Proof, Query, selected
from drillbook.audit.page.history import about, shown_fields
from drillbook.audit.sources import Sources, read_sources
from drillbook.change.trust.rules import emergencies
from drillbook.errors import DrillbookError, Refused, UsageError
from drillbook.execution.runs import RunFolder, load_plan
from drillbook.repo.git import Repository
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.audit.attribution import Attribution
    from drillbook.audit.history import Event
    from drillbook.clock import Clock
    from drillbook.plan.model import Plan

_FIELDS = 6  # that a line names


def change_log(root: Path, query: Query, *, clock: Clock, offline: bool = False) -> Log:
    """Give the log of the estate at ``root``, as far as it is asked for. ``offline``: the remote is not asked.

    When an item or a service is asked for, the commits that changed its entry in the CMDB are told too.
    """
    now = clock.now()
    sources = read_sources(root, clock=clock, offline=offline)
    lines = list(lines_of(sources, plans=_plans(sources), merged=_merged(root, sources), now=now))
    changes: set[str] = set()
    for id_ in {query.item, query.service} - {""}:
        commits, said = _commits(root, id_, sources)
        changes |= said
        lines += commits
    wanted = Query(**{**{name: getattr(query, name) for name in Query.__slots__}, "changes": frozenset(changes)})
    cap = None
    if sources.base is not None:
        with suppress(Refused):
            cap = emergencies(sources.base.cmdb).at_most
    return Log(tuple(selected(lines, wanted)), sources.unreadable, sources.said, cap)


def _merged(root: Path, sources: Sources) -> dict[str, Merged]:
    try:
        repo = Repository(root)
        head = repo.head()
    except Refused:
        return {}
    return {
        each.id: merged(repo, head, each, trusted=sources.base is not None)
        for each in sources.records
        if each.bound is not None and each.bound.configuration is not None
    }


def _plans(sources: Sources) -> dict[str, Plan]:
    found = {}
    for run in sources.runs.values():
        with suppress(DrillbookError):
            found[run.run] = load_plan(RunFolder(run.folder))
    return found


def _commits(root: Path, id_: str, sources: Sources) -> tuple[list[Line], set[str]]:
    """Give a line for each commit that changed an entry without an approved change, and the changes of the others."""
    try:
        repo = Repository(root)
        history = entry_history(repo, repo.head(), id_)
    except (Refused, UsageError):
        return [], set()  # no repository, or an id that never was an entry: there may be runs all the same
    attributions = Attributions(repo, sources.records, base=sources.base)
    lines, changes = [], set()
    for event in history.events:
        by = attributions.of(event.commit)
        if by.change:
            changes.add(by.change)
        elif by.time is not None:
            lines.append(_line(event, by, id_))
    return lines, changes


def _line(event: Event, by: Attribution, id_: str) -> Line:
    assert by.time is not None
    fields = [f"{each.name.en}: {each.old} → {each.new}" for each in shown_fields(event)[:_FIELDS]]
    more = f", and {len(event.fields) - _FIELDS} more" if len(event.fields) > _FIELDS else ""
    return Line(
        "commit",
        by.time,
        UNAPPROVED,
        CONFIGURATION,
        detail=f"{about(event)}: {event.kind}; " + "; ".join(fields) + more,
        items=(id_,),
        requested_by=by.person,
        reason=by.reason,
        result="committed",
        head=f"git:{event.commit}",
        proofs=(
            Proof(
                Mark.UNPROVED,
                Text(
                    "not by an approved change; author and time are what the commit says of itself",
                    "未经批准的变更；作者与时间为提交自述",
                ),
            ),
        ),
    )
