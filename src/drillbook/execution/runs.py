"""The folders of runs: ``.drillbook/runs/<run id>/`` with the plan, the sealed artifacts, the journal."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.artifacts.seal import Sealed, seal
from drillbook.canonical import canonical_json, digest
from drillbook.clock import Clock, run_id
from drillbook.errors import DrillbookError, Refused, UsageError
from drillbook.execution.actions import operator
from drillbook.execution.state import RunState, state_from_records
from drillbook.journal.record import read_journal
from drillbook.journal.writer import Journal
from drillbook.plan.reading import plan_from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from drillbook.change.gate.gate import Permission
    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where one run keeps its things."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def plan_file(self) -> Path:
        """The plan, as canonical JSON."""
        return self.path / "plan.json"

    @property
    def artifacts(self) -> Path:
        """The sealed copy of playbooks/."""
        return self.path / "artifacts"

    def sealed(self, plan: Plan) -> Sealed:
        """Give the sealed copy as what the plan says that it is."""
        return Sealed(plan.artifacts_digest, self.artifacts)

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "journal.jsonl"


def new_run(
    plan: Plan,
    permission: Permission,
    *,
    root: Path,
    state: Path,
    clock: Clock,
    purpose: str,
    listener: Callable[[Record], None],
) -> tuple[RunFolder, Journal, Record]:
    """Make a run's folder, seal what it will use, and open its journal with ``run.opened``, which is given too.

    ``root`` is what is sealed from: the estate, or the trusted base's export. ``state`` is the estate's
    ``.drillbook``; ``purpose`` says in a word what started it; ``listener`` gets every record once it is durable.

    Raises Refused when the permission is for another plan or the tree has changed since the plan.
    """
    if permission.plan_digest != plan.digest:
        raise Refused("the permission is for another plan")
    folder = RunFolder(state / "runs" / run_id(clock))
    folder.path.mkdir(mode=0o700, parents=True)
    sealed = seal(root, folder.artifacts)
    if sealed.digest != plan.artifacts_digest:
        raise Refused("playbooks/ has changed since the plan was made; nothing was run", remedy="plan again")
    with os.fdopen(os.open(folder.plan_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(canonical_json(plan.to_json()))
        file.flush()
        os.fsync(file.fileno())
    journal = Journal.create(folder.journal, clock)
    journal.listen(listener)
    opened = journal.append(
        "run.opened",
        run=folder.id,
        plan=permission.plan_digest,
        runbook=plan.runbook,
        kind=str(plan.kind),
        protection=plan.protection,
        environment=plan.environment,
        parameters=dict(plan.parameters),
        change=permission.change_type,
        change_id=permission.change,
        executor=permission.executor,
        repository=permission.repository,
        base=permission.base,
        reason=permission.reason,
        purpose=purpose,
        operator=operator(),
        process=os.getpid(),
        engine=plan.engine,
    )
    return folder, journal, opened


def reopen_run(
    folder: RunFolder, clock: Clock, *, event: str, executor: str, listener: Callable[[Record], None]
) -> tuple[Plan, Journal, list[Record]]:
    """Open a run again and journal ``event`` (``run.resumed`` and the like), after proving it unchanged.

    To the journal of a run that has ended nothing is added any more: its end may be signed, and is told to others.
    ``executor`` is the person who goes on with it, "" where nobody signs.

    Raises JournalError, Locked, or Refused when plan or artifacts are not those of the journal.
    """
    journal, records = Journal.reopen(folder.journal, clock)
    try:
        plan = load_plan(folder)
        if not records or records[0].data.get("plan") != plan.digest:
            raise Refused(f"{folder.plan_file} is not the plan that this run was opened with")
        folder.sealed(plan).verify()
        journal.listen(listener)
        if state_from_records(records).closed is None:
            journal.append(event, operator=operator(), executor=executor, process=os.getpid())
    except DrillbookError:
        journal.close()
        raise
    return plan, journal, records


def load_plan(folder: RunFolder) -> Plan:
    """Read a run's plan. Raises Refused when it cannot be read as one."""
    try:
        value = json.loads(folder.plan_file.read_bytes())
        plan = plan_from_json(value)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{folder.plan_file} cannot be read as a plan: {error}") from None
    if digest(value) != plan.digest:
        raise Refused(f"{folder.plan_file} holds more than a plan")
    return plan


def find_run(state: Path, name: str) -> RunFolder:
    """Give the run whose id is ``name`` or begins or ends with it; ``last`` is the newest.

    Raises UsageError when there is none, or more than one.
    """
    folders = [RunFolder(path) for path in _paths(state)]
    if name == "last" and folders:
        return folders[-1]
    found = [each for each in folders if name and (each.id.startswith(name) or each.id.endswith(name))]
    if len(found) == 1:
        return found[0]
    what = "no run is" if not found else f"{len(found)} runs are"
    raise UsageError(f"{what} named '{name[:60]}'", remedy="./inv runbooks.status lists the runs")


def _paths(state: Path) -> list[Path]:
    runs = state / "runs"
    return sorted(path for path in runs.iterdir() if (path / "journal.jsonl").is_file()) if runs.is_dir() else []


def runs(state: Path, *, last: int) -> Iterator[tuple[RunFolder, RunState, Plan]]:
    """Give those of the ``last`` runs that can be read, oldest first; ``broken_runs`` gives the others."""
    for path in _paths(state)[-last:]:
        folder = RunFolder(path)
        try:
            yield folder, state_from_records(read_journal(folder.journal)), load_plan(folder)
        except DrillbookError:
            continue


def broken_runs(state: Path, *, last: int) -> Iterator[tuple[RunFolder, str]]:
    """Give those of the ``last`` runs whose journal or plan cannot be trusted, and why."""
    for path in _paths(state)[-last:]:
        folder = RunFolder(path)
        try:
            read_journal(folder.journal)
            load_plan(folder)
        except DrillbookError as error:
            yield folder, error.message


def newest_first(state: Path) -> Iterator[tuple[RunFolder, Mapping[str, Any]]]:
    """Give each run with what it was opened with, unverified: enough to choose those worth reading."""
    for path in reversed(_paths(state)):
        folder = RunFolder(path)
        try:
            with folder.journal.open("rb") as file:
                yield folder, json.loads(file.readline())["data"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
