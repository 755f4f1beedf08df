"""What is bound and signed: the bytes of plan.json. What differs between two of them: ``change.records.difference``.

The same request, commit and engine give the same bytes, on every machine. So whoever approves and whoever
applies makes them again, and compares.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import drillbook
from drillbook.artifacts.seal import listing
from drillbook.canonical import digest
from drillbook.change.records.difference import difference
from drillbook.change.records.model import FORMAT
from drillbook.change.records.strict import encoded
from drillbook.cmdb.load import load
from drillbook.errors import Refused, UsageError
from drillbook.plan.planner import make_plan
from drillbook.repo.tree import content_digests, export, governed_files, tree_digest
from drillbook.runbook.load import load_called

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.change.records.model import Request
    from drillbook.plan.model import Plan
    from drillbook.repo.git import Repository


def bind_runbook(request: Request, plan: Plan, engine: str, sealed: Sequence[Sequence[str]]) -> bytes:
    """Give the bytes of plan.json for a runbook's plan.

    Args:
        request: what was asked for.
        plan: its plan.
        engine: the base's engine digest.
        sealed: ``artifacts.seal.listing`` of the tree that the plan was made from.
    """
    assert digest([list(each) for each in sealed]) == plan.artifacts_digest
    return encoded({**_head(request, engine), "plan": plan.to_json(), "sealed": [list(each) for each in sealed]})


def bind_configuration(request: Request, repo: Repository, old: str, new: str, engine: str) -> bytes:
    """Give the bytes of plan.json for the move of the governed tree from one commit to another.

    Raises Refused when nothing that is governed differs.
    """
    before, after = governed_files(repo, old), governed_files(repo, new)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    if not changed:
        raise Refused(
            f"the commits {old[:12]} and {new[:12]} differ in no file that is governed: there is nothing to approve",
            remedy="commit what is to change, then plan again",
        )
    contents = content_digests(repo, {after[path].oid for path in changed if path in after})
    paths = [
        {
            "path": path,
            "status": "A" if path not in before else "D" if path not in after else "M",
            "digest": f"sha256:{contents[after[path].oid]}" if path in after else "",
        }
        for path in changed
    ]
    move = {"from": tree_digest(repo, old), "to": tree_digest(repo, new), "paths": paths}
    return encoded({**_head(request, engine), "configuration": move})


def _head(request: Request, engine: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "repository": request.repository,
        "change": request.change,
        "request": request.digest,
        "engine": engine,
        "plan": None,
        "sealed": [],
        "configuration": None,
    }


def plan_from(request: Request, folder: Path) -> Plan:
    """Plan a runbook's request from the estate's files in ``folder``: an export of a commit, or the base's.

    Raises InvalidInput for files that are wrong, UsageError for a runbook or item that does not exist (any more),
    Refused as the planner.
    """
    subject = request.subject
    try:
        runbooks = load_called(folder, subject.runbook)
    except UsageError as error:
        if (folder / "runbooks" / f"{subject.runbook}.yaml").is_file():
            raise
        raise UsageError(
            f"{request.change} asks for the runbook {subject.runbook}, which is not there (it was deleted or renamed)",
            remedy=f"{error.remedy}\nmake a new change for another runbook, or bring this one back",
        ) from None
    return make_plan(
        cmdb=load(folder),
        runbook=runbooks[subject.runbook],
        runbooks=runbooks,
        environment=subject.environment,
        parameters=subject.parameters,
        artifacts_digest=digest(listing(folder)),
        engine=drillbook.__version__,
    )


def bind_from(request: Request, folder: Path, engine: str) -> bytes:
    """Give the bytes of plan.json for a runbook's request, made from the files in ``folder``. Errors: ``plan_from``."""
    return bind_runbook(request, plan_from(request, folder), engine, listing(folder))


def bind_commit(request: Request, repo: Repository, *, base: str, head: str, engine: str) -> bytes:
    """Give the bytes of plan.json for a request of either kind, from commits alone: nothing of the work tree is read.

    Args:
        request: what was asked for.
        repo: the repository.
        base: the trusted base's commit; where a configuration moves from.
        head: the commit that is planned from, or moved to.
        engine: the base's engine digest.

    Raises:
        InvalidInput, UsageError, Refused: as ``plan_from`` and ``bind_configuration``.
    """
    if request.subject.kind == "configuration":
        return bind_configuration(request, repo, base, head, engine)
    with tempfile.TemporaryDirectory(prefix="drillbook-plan-") as name:
        folder = Path(name)
        export(repo, head, folder, governed=True)
        return bind_from(request, folder, engine)


__all__ = ["bind_commit", "bind_configuration", "bind_from", "bind_runbook", "difference", "plan_from"]
