"""The end of a change: what came of it, what went otherwise, and the journals that show it, signed by who closes it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from drillbook.change.records.model import FORMAT, time_text
from drillbook.change.records.strict import encoded
from drillbook.change.trust.authority import may_approve, may_request, may_run
from drillbook.change.trust.case import case_of
from drillbook.errors import Refused
from drillbook.repo.tree import tree_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from drillbook.change.records.model import ChangeRecord, Deviation, RunResult
    from drillbook.change.trust.base import Base
    from drillbook.cmdb.model import Cmdb
    from drillbook.repo.git import Repository

_LOOKED_AT = 200  # commits of the base in which a configuration is looked for


def result_bytes(
    record: ChangeRecord,
    *,
    result: str,
    runs: Sequence[RunResult],
    deviations: Sequence[Deviation],
    person: str,
    at: datetime,
) -> bytes:
    """Give the bytes of result.json. ``result``: see ``model.Result``; ``person`` closes it."""
    return encoded(
        {
            "format": FORMAT,
            "what": "result",
            "repository": record.request.repository,
            "change": record.id,
            "digest": record.bound.digest if record.bound is not None else "",
            "result": result,
            "runs": [asdict(each) for each in runs],
            "deviations": [asdict(each) for each in deviations],
            "closed_by": person,
            "closed_at": time_text(at),
        }
    )


def result_of_configuration(record: ChangeRecord, repo: Repository, base: Base) -> str:
    """Tell what came of a configuration change: succeeded when the trusted base has had its state, else withdrawn."""
    move = record.bound.configuration if record.bound is not None else None
    if move is None:
        return "withdrawn"
    if base.digest == move.new:
        return "succeeded"
    chain = repo.git("rev-list", "--first-parent", f"--max-count={_LOOKED_AT}", base.commit).decode("ascii").split()
    return "succeeded" if any(tree_digest(repo, commit) == move.new for commit in chain) else "withdrawn"


def require_closer(record: ChangeRecord, person: str, cmdb: Cmdb) -> None:
    """Refuse a person who may neither request, nor run, nor approve such a change, and did not ask for it."""
    if person == record.request.requested_by:
        return
    if record.bound is None:
        raise Refused(
            f"{record.id} is not planned, and only {record.request.requested_by}, who asked for it, withdraws it"
        )
    case = case_of(record, cmdb)
    refusals = []
    for allowed in (may_run, may_request, may_approve):
        try:
            allowed(person, case, cmdb)
        except Refused as error:
            refusals.append(error)
        else:
            return
    raise refusals[0]
