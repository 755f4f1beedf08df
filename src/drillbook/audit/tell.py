"""Puts a history together with the changes, people and trust of this estate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.audit.attribution import Attributions
from drillbook.audit.history import entry_history
from drillbook.audit.page.history import Told
from drillbook.audit.query import first_moment
from drillbook.audit.sources import base_or_why_not
from drillbook.change.records.record import read_changes
from drillbook.repo.git import Repository
from drillbook.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.clock import Clock


def told_history(root: Path, id_: str, *, since: str = "", clock: Clock) -> Told:
    """Give the history of an entry with who answers for each event.

    Args:
        root: the estate, the top of a git repository.
        id_: an id that the CMDB has or had.
        since: a day (UTC); what happened before it is left out. "" for all.
        clock: for the trusted base.

    Raises:
        UsageError: no commit ever had the entry, or the day is none.
        Refused: no git repository, or no commit.
    """
    first = first_moment(since, "--since")
    repo = Repository(root)
    head = repo.head()
    history = entry_history(repo, head, id_)
    base, without = base_or_why_not(root, clock)
    attributions = Attributions(repo, read_changes(root).records, base=base, without=without)
    both = [(event, attributions.of(event.commit)) for event in history.events]
    if first is not None:
        both = [(event, by) for event, by in both if by.time is None or by.time >= first]
    return Told(
        history=history.only(event for event, _ in both),
        by=tuple(by for _, by in both),
        head=head,
        uncommitted=tuple(visible(path) for path in repo.uncommitted("cmdb.yaml", "cmdb.d")),
        without_base=without,
    )
