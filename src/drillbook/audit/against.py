"""Holds what was done against the change that allowed it: the plan, the people, the time, the commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.audit.log import EMERGENCY, NORMAL, STANDARD, Mark, Proof
from drillbook.change.records.record import FOLDER
from drillbook.change.trust.authority import may_run
from drillbook.change.trust.case import case_of
from drillbook.change.trust.rules import standard_change
from drillbook.errors import DrillbookError, Refused
from drillbook.repo.tree import tree_digest
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from drillbook.audit.sources import Sources
    from drillbook.change.records.model import ChangeRecord
    from drillbook.cmdb.model import Cmdb
    from drillbook.repo.git import Repository

_COMMITS = 50  # that are looked at for one change of the configuration


def _wrong(en: str, zh: str) -> Proof:
    return Proof(Mark.WRONG, Text(en, zh))


def _open(en: str, zh: str) -> Proof:
    return Proof(Mark.UNPROVED, Text(en, zh))


def run_against_change(
    record: ChangeRecord,
    sources: Sources,
    *,
    executors: Sequence[str],
    plan: str,
    began: datetime,
    approved_by: Sequence[str],
    others: Sequence[str],
) -> list[Proof]:
    """Say where a run departs from its change.

    Args:
        record: the change.
        sources: for today's rules.
        executors: who ran it.
        plan: digest of the plan that ran.
        began: when.
        approved_by: whose approvals counted then.
        others: other runs of the same change.
    """
    found = []
    planned = record.bound.plan.digest if record.bound is not None and record.bound.plan is not None else ""
    if plan != planned:
        found.append(_wrong("what ran is not the plan of this change", "实际执行的并非该变更的计划"))
    if record.request.type == EMERGENCY:
        return found
    if both := sorted(set(executors) & {*approved_by}):
        who = ", ".join(both)
        found.append(_wrong(f"{who} approved it and ran it", f"{who} 既批准又执行"))
    if record.request.type == NORMAL and others:
        runs = ", ".join(others)
        found.append(_wrong(f"it was applied more than once: {runs}", f"同一变更被执行多次：{runs}"))
    window = record.request.window
    if window is not None and not window.holds(began):
        found.append(_wrong("it began outside the window of its change", "开始于变更窗口之外"))
    if sources.base is not None and record.request.type == STANDARD:
        found.append(_beforehand(record, sources.base.cmdb, began))
    if sources.base is not None:
        for person in executors:
            try:
                may_run(person, case_of(record, sources.base.cmdb), sources.base.cmdb)
            except DrillbookError as error:
                found.append(_open(f"by today's rules: {error.message}", f"按现行规则：{error.message}"))
    return found


def _beforehand(record: ChangeRecord, cmdb: Cmdb, began: datetime) -> Proof:
    """Say whether today's policy approves a standard change beforehand, on the day that it was run."""
    subject = record.request.subject
    try:
        standard = standard_change(
            cmdb, runbook=subject.runbook, environment=subject.environment, parameters=subject.parameters
        )
    except Refused as error:
        why = error.message
        return _wrong(f"by today's policy it was not approved beforehand: {why}", f"未经预先批准：{why}")
    name, days = standard.name, f"{standard.first} – {standard.last}"
    if not standard.first <= began.date() <= standard.last:
        return _wrong(f"{name} is approved beforehand for {days} only", f"{name} 的预先批准仅限 {days}")
    return Proof(
        Mark.PROVED,
        Text(f"approved beforehand by policy: {name}, {days}", f"由策略预先批准：{name}，{days}"),
    )


def run_without_change(sources: Sources, *, environments: set[str]) -> list[Proof]:
    """Say when a run that names no change was in no lab of the trusted base; ``environments``: what it claims."""
    if sources.base is None:
        return []
    known = sources.base.cmdb.environments
    strange = sorted(each for each in environments if each not in known or known[each].get("kind") != "lab")
    names = ", ".join(strange) or "nowhere"
    if environments and not strange:
        return []
    return [_wrong(f"it names no change, and {names} is no lab", f"未关联变更单，而 {names} 并非实验环境")]


@dataclass(frozen=True, slots=True)
class Merged:
    """What git says of a change of the configuration: the ``commit`` that is exactly it ("" when there is none)."""

    commit: str = ""
    at: datetime | None = None
    by: str = ""
    proofs: tuple[Proof, ...] = ()


NOT_MERGED = Merged()


def merged(repo: Repository, head: str, record: ChangeRecord, *, trusted: bool) -> Merged:
    """Look for the commit along first parents whose tree is what the change says; ``trusted``: its signatures are."""
    move = record.bound.configuration if record.bound is not None else None
    if move is None:
        return NOT_MERGED
    paths = [f"{FOLDER}/{record.id}", *(each.path for each in move.paths)]
    try:
        listed = repo.git(
            "log", "--first-parent", "--no-patch", f"--max-count={_COMMITS}", "--format=%H",
            "--end-of-options", head, "--", *paths[:_COMMITS],
        )  # fmt: skip
        found = next((each for each in listed.decode("ascii").split() if tree_digest(repo, each) == move.new), None)
        commit = repo.commit(found) if found is not None else None
    except Refused as error:
        said = f"whether it was merged cannot be told: {error.message}"
        return Merged(proofs=(_open(said, f"无法判断是否已合并：{error.message}"),))
    if commit is None:
        said = "no commit of this branch is exactly what it says"
        return Merged(proofs=(_open(said, "此分支没有与其完全一致的提交"),))
    proof = Text(
        f"commit {commit.id[:12]} is exactly what was planned; its author and time are what it says of itself",
        f"提交 {commit.id[:12]} 与计划完全一致；作者与时间为提交自述",
    )
    by = f"{commit.author_name} <{commit.author_email}>"
    return Merged(commit.id, commit.time, by, (Proof(Mark.PROVED if trusted else Mark.UNPROVED, proof),))
