"""Makes the lines of the log from what was found: a line for each run, and one for each change without a run. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from drillbook.audit.against import NOT_MERGED, run_against_change, run_without_change
from drillbook.audit.log import EMERGENCY, UNKNOWN, Line, Mark, Proof
from drillbook.audit.prove import approvals_of, change_proofs, entry_proofs, review_of, run_proofs
from drillbook.journal.closing import CLOSED, executors_of
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from drillbook.audit.against import Merged
    from drillbook.audit.sources import Sources
    from drillbook.change.records.model import ChangeRecord
    from drillbook.journal.verify import Verified
    from drillbook.ledger.entries import SignedEntry
    from drillbook.plan.model import Plan

CONFIGURATION = Text("Change of the configuration", "配置变更")
_NOT_HERE = Text("A run whose journal is not here", "日志不在此处的执行")
_LOST = Text("A run whose journal cannot be read", "日志无法读取的执行")


def lines_of(
    sources: Sources, *, plans: Mapping[str, Plan], merged: Mapping[str, Merged], now: datetime
) -> Iterator[Line]:
    """Give the lines, in no order.

    Args:
        sources: all there is.
        plans: by run id, those that lie with the runs.
        merged: by change, what is known of a change of the configuration in git.
        now: the moment.
    """
    maker = _Maker(sources, plans, merged, now)
    with_runs: set[str] = set()
    for run in sources.runs.values():
        line = maker.of_run(run)
        with_runs.add(line.change)
        yield line
    for opened in _opened(sources):
        if opened.entry.run not in sources.runs:
            with_runs.add(opened.entry.change)
            yield maker.of_entry(opened)
    for record in sources.records:
        if record.id not in with_runs:
            yield maker.of_change(record)


def _opened(sources: Sources) -> list[SignedEntry]:
    """Give one entry of each run of the ledger: the opened one, else the closed one."""
    found: dict[str, SignedEntry] = {}
    for each in sources.ledger.entries if sources.ledger is not None else ():
        if each.entry.run not in found or each.entry.what == "opened":
            found[each.entry.run] = each
    return list(found.values())


def _runs_by_change(sources: Sources) -> dict[str, list[str]]:
    """Give the runs of each change, from journals and from the ledger."""
    found: dict[str, dict[str, None]] = {}
    for run in sources.runs.values():
        found.setdefault(run.opened("change_id"), {})[run.run] = None
    for signed in _opened(sources):
        found.setdefault(signed.entry.change, {})[signed.entry.run] = None
    return {change: list(runs) for change, runs in found.items()}


class _Maker:
    def __init__(
        self, sources: Sources, plans: Mapping[str, Plan], merged: Mapping[str, Merged], now: datetime
    ) -> None:
        self.sources, self.plans, self.merged, self.now = sources, plans, merged, now
        self.records = {each.id: each for each in sources.records}
        self.applied = _runs_by_change(sources)

    def of_run(self, run: Verified) -> Line:
        """Give the line of a run whose journal is here."""
        change = run.opened("change_id")
        record = self.records.get(change)
        plan = _plan_of(record) or self.plans.get(run.run)
        entry = self.sources.ledger.find(run.run, "opened") if self.sources.ledger is not None else None
        proofs = [*self._of_change(record, change), *run_proofs(run, self.sources)]
        if record is not None and run.records:
            proofs += self._against(
                record, run.run, executors_of(run.records), run.opened("plan"),
                datetime.fromisoformat(run.records[0].time),
            )  # fmt: skip
        if not change and run.records:
            claimed = {run.opened("environment"), *([plan.environment] if plan is not None else [])}
            proofs += run_without_change(self.sources, environments=claimed - {""})
        if not run.records:
            began = _from_id(run.run)
            if began is None:
                proofs.append(Proof(Mark.WRONG, Text("when it began is not known", "开始时间不详")))
            return Line(
                "run", began or self.now, _type_of(run, record, entry), _LOST, run=run.run, change=change,
                result="unknown", proofs=tuple(proofs), **self._asked(record, began or self.now),
                **_touched(plan, entry),
            )  # fmt: skip
        first, last = run.records[0], run.records[-1]
        began, ended = datetime.fromisoformat(first.time), datetime.fromisoformat(last.time)
        closed = last.kind == CLOSED
        data = first.data
        parameters = data.get("parameters")
        title = plan.title if plan is not None else Text(run.opened("runbook"), run.opened("runbook"))
        asked = self._asked(record, began)
        return Line(
            "run",
            began,
            _type_of(run, record, entry),
            title,
            detail=_words(run.opened("runbook"), parameters if isinstance(parameters, dict) else {}),
            change=change,
            executed_by=", ".join(executors_of(run.records)) or run.opened("operator"),
            result=str(last.data.get("outcome", "")) if closed else "not ended",
            seconds=(ended - began).total_seconds() if closed else None,
            run=run.run,
            head=run.head,
            proofs=tuple(proofs),
            **{**asked, "reason": asked.get("reason") or run.opened("reason") or run.opened("purpose")},
            **{**_touched(plan, entry), "environment": run.opened("environment")},
        )

    def of_entry(self, opened: SignedEntry) -> Line:
        """Give the line of a run that the ledger knows and that is not here."""
        entry = opened.entry
        assert self.sources.ledger is not None
        closed = self.sources.ledger.find(entry.run, "closed")
        record = self.records.get(entry.change)
        plan = _plan_of(record)
        asked = self._asked(record, entry.moment)
        detail = _words(plan.runbook, plan.parameters) if plan is not None else ""
        against = (
            self._against(record, entry.run, [entry.executor], entry.plan, entry.moment) if record is not None else []
        )
        return Line(
            "run",
            entry.moment,
            entry.type,
            plan.title if plan is not None else _NOT_HERE,
            detail=detail,
            change=entry.change,
            executed_by=entry.executor,
            result=closed.entry.result if closed is not None else "not ended",
            seconds=(closed.entry.moment - entry.moment).total_seconds() if closed is not None else None,
            run=entry.run,
            head=(closed or opened).entry.head,
            proofs=(*self._of_change(record, entry.change), *against, *entry_proofs(opened, closed, self.sources)),
            **{**asked, "reason": asked.get("reason") or entry.reason},
            **_touched(plan, opened),
        )

    def of_change(self, record: ChangeRecord) -> Line:
        """Give the line of a change that no run is known of: of the configuration, or one that nobody applied."""
        request = record.request
        subject = request.subject
        configuration = subject.kind == "configuration"
        plan = _plan_of(record)
        move = record.bound.configuration if record.bound is not None else None
        title = CONFIGURATION if configuration else Text(subject.runbook, subject.runbook)
        detail = ", ".join(each.path for each in move.paths) if move is not None else ""
        found = self.merged.get(record.id, NOT_MERGED)
        closed = record.result
        at = found.at or (closed.closed_at if closed is not None else request.requested_at)
        return Line(
            "configuration" if configuration else "asked",
            at,
            request.type,
            plan.title if plan is not None else title,
            detail=detail if configuration else _words(subject.runbook, subject.parameters),
            change=record.id,
            executed_by=found.by,
            result="merged" if found.commit else closed.result if closed is not None else "",
            head=f"git:{found.commit}" if found.commit else "",
            proofs=(*change_proofs(record, self.sources, done=bool(found.commit)), *found.proofs),
            **self._asked(record, found.at or (closed.closed_at if closed is not None else self.now)),
            **{**_touched(plan, None), "environment": subject.environment},
        )

    def _against(self, record: ChangeRecord, run: str, executors: list[str], plan: str, began: datetime) -> list[Proof]:
        by, _ = approvals_of(record, self.sources, at=began)
        others = [each for each in self.applied.get(record.id, ()) if each != run]
        return run_against_change(
            record, self.sources, executors=executors, plan=plan, began=began, approved_by=by, others=others
        )

    def _of_change(self, record: ChangeRecord | None, change: str) -> list[Proof]:
        if record is not None:
            return change_proofs(record, self.sources, done=True)
        if change:
            text = Text(f"{change} is not in changes/: {_ASK}", f"{change} 不在 changes/ 中，申请与批准不详")
            return [Proof(Mark.WRONG, text)]
        return []

    def _asked(self, record: ChangeRecord | None, at: datetime) -> dict[str, Any]:
        if record is None:
            return {}
        by, refused = approvals_of(record, self.sources, at=at)
        review, reviewer = review_of(record, self.sources, now=self.now)
        return {
            "requested_by": record.request.requested_by,
            "reason": record.request.reason,
            "approved_by": by,
            "refused": refused,
            "review": review,
            "reviewed_by": reviewer,
        }


_ASK = "who asked for it and who approved it cannot be told"


def _plan_of(record: ChangeRecord | None) -> Plan | None:
    return record.bound.plan if record is not None and record.bound is not None else None


def _touched(plan: Plan | None, signed: SignedEntry | None) -> dict[str, Any]:
    """Give environment, items and services: what plan and ledger say, both."""
    items = [*(plan.targets if plan is not None else ()), *(signed.entry.items if signed is not None else ())]
    services = [*(plan.services if plan is not None else ()), *(signed.entry.services if signed is not None else ())]
    environment = plan.environment if plan is not None else signed.entry.environment if signed is not None else ""
    return {
        "environment": environment,
        "items": tuple(dict.fromkeys(items)),
        "services": tuple(dict.fromkeys(services)),
    }


def _type_of(run: Verified, record: ChangeRecord | None, signed: SignedEntry | None) -> str:
    """Give the type; when sources differ, the one that is told first, and an emergency before all."""
    said = [
        run.opened("change"),
        record.request.type if record is not None else "",
        signed.entry.type if signed is not None else "",
    ]
    return EMERGENCY if EMERGENCY in said else next((each for each in said if each), UNKNOWN)


def _words(runbook: str, parameters: Mapping[str, Any]) -> str:
    return " ".join([runbook, *(f"{name}={value}" for name, value in sorted(parameters.items()))])


def _from_id(run: str) -> datetime | None:
    """Give the moment that a run's id begins with."""
    try:
        return datetime.strptime(run[:16], "%Y%m%dT%H%M%S%z")
    except ValueError:
        return None
