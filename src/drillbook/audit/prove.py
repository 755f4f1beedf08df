"""What proves a change and a run, and what does not: each a sentence. Nothing is raised, and nothing left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.audit.log import EMERGENCY, NORMAL, STANDARD, Mark, Proof
from drillbook.change.gate.emergency import known_emergencies
from drillbook.change.trust.approval import valid_approvals, verify_request, verify_result
from drillbook.change.trust.authority import missing_approvals
from drillbook.change.trust.case import case_of
from drillbook.change.trust.rules import emergencies
from drillbook.errors import DrillbookError, Refused
from drillbook.journal.closing import CLOSED
from drillbook.journal.verify import Standing
from drillbook.ledger.entries import LOST, NAMESPACE
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from datetime import datetime

    from drillbook.audit.sources import Sources
    from drillbook.change.records.model import ChangeRecord
    from drillbook.journal.verify import Verified
    from drillbook.ledger.entries import SignedEntry

OWED, OVERDUE = "owed", "overdue"


def _good(en: str, zh: str) -> Proof:
    return Proof(Mark.PROVED, Text(en, zh))


def _open(en: str, zh: str) -> Proof:
    return Proof(Mark.UNPROVED, Text(en, zh))


def _wrong(en: str, zh: str) -> Proof:
    return Proof(Mark.WRONG, Text(en, zh))


# --- changes


def approvals_of(
    record: ChangeRecord, sources: Sources, *, at: datetime
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Give whose approval counted at a moment, and why another one does not.

    Of an emergency these are none: who reviewed it is told by ``review_of``. Without a trusted base none counts.
    """
    approvals = [each for each in record.approvals if each.what == "approval"]
    if sources.base is None:
        return (), tuple((each.approver, "it cannot be verified here") for each in approvals)
    try:
        found = valid_approvals(record, sources.base, at=at)
    except Refused as error:
        return (), tuple((each.approver, error.message) for each in approvals)
    return tuple(sorted(found.by)), tuple(sorted(found.refused.items()))


def change_proofs(record: ChangeRecord, sources: Sources, *, done: bool) -> list[Proof]:
    """Say what of a change's own files is proved. ``done``: it was run, or merged; then it had to be approved."""
    base, request = sources.base, record.request
    if base is None:
        return [_open("no signature of this change could be verified here", "此处无法验证该变更的签名")]
    found = []
    try:
        verify_request(record, base)
        found.append(_good(f"requested by {request.requested_by}, signed", f"由 {request.requested_by} 申请，已签名"))
    except Refused as error:
        found.append(_wrong(f"the request: {error.message}", f"申请无效：{error.message}"))
    if record.result is not None:
        by = record.result.closed_by
        try:
            verify_result(record, base)
            found.append(_good(f"closed by {by}, signed", f"由 {by} 关闭，已签名"))
        except Refused as error:
            found.append(_wrong(f"its result: {error.message}", f"结果无效：{error.message}"))
        for each in record.result.deviations:
            where = f"{each.step}: " if each.step else ""
            found.append(
                _open(f"deviation ({each.kind}): {where}{each.text}", f"偏差（{each.kind}）：{where}{each.text}")
            )
    found += _enough(record, sources, done=done)
    return found


def _enough(record: ChangeRecord, sources: Sources, *, done: bool) -> list[Proof]:
    """Say whether the approvals are as many as today's rules want of such a change; rules may have changed since."""
    base = sources.base
    if base is None or record.bound is None or record.request.type != NORMAL:
        return []
    newest = max((each.approved_at for each in record.approvals), default=record.request.requested_at)
    by, _ = approvals_of(record, sources, at=newest)
    besides = [record.request.requested_by]
    try:
        missing = missing_approvals(case_of(record, base.cmdb), by, base.cmdb, besides=besides)
        # What a configuration touched is not known here, only its files: a rule by class or tier may not be about it.
        case = case_of(record, base.cmdb, proposed=base.cmdb)
        sure = {each.rule.name for each in missing_approvals(case, by, base.cmdb, besides=besides)}
    except DrillbookError as error:
        return [
            _open(f"which approvals it needed cannot be told: {error.message}", f"无法判断所需批准：{error.message}")
        ]
    return [
        (_wrong if done else _open)(
            f"too few approvals by today's rules: {each.rule.name} wants {each.wanted}, {len(each.have)} count",
            f"按现行规则批准不足：{each.rule.name} 要求 {each.wanted} 人，有效 {len(each.have)} 人",
        )
        if each.rule.name in sure
        else _open(
            f"{each.rule.name} wants {each.wanted} approvals, {len(each.have)} count, if it touched what that is about",
            f"若涉及 {each.rule.name} 所管对象，则要求 {each.wanted} 人批准，有效 {len(each.have)} 人",
        )
        for each in missing
    ]


def review_of(record: ChangeRecord, sources: Sources, *, now: datetime) -> tuple[str, str]:
    """Give the review of an emergency (owed, overdue, accepted, rejected) and whose it is; empty for other changes."""
    base = sources.base
    if record.request.type != EMERGENCY:
        return "", ""
    if base is None:
        return OWED, ""
    found = known_emergencies([record], (), base, at=now)
    reviewer = next((each.reviewed_by for each in found), "")
    verdict = next(
        (each.verdict for each in record.approvals if each.what == "review" and each.approver == reviewer), ""
    )
    if reviewer:
        return verdict or "accepted", reviewer
    try:
        late = now - record.request.requested_at > emergencies(base.cmdb).review_within
    except Refused:
        late = False
    return OVERDUE if late else OWED, ""


# --- runs


def run_proofs(run: Verified, sources: Sources) -> list[Proof]:
    """Say what is proved of a run whose journal is here."""
    found = [_wrong(f"its journal: {flaw}", f"日志：{flaw}") for flaw in run.flaws if run.standing is Standing.BROKEN]
    match run.standing:
        case Standing.SIGNED:
            found.append(
                _good(
                    f"its journal is whole, and its end is signed by {run.signer}",
                    f"日志完整，末尾由 {run.signer} 签名",
                )
            )
        case Standing.UNSIGNED:
            found.append(
                _open(
                    "its journal is whole in itself and not signed: whoever has this machine could have written it",
                    "日志自洽但未签名：可登录本机者均可能写成",
                )
            )
        case Standing.NOT_PROVED:
            found.append(
                _open(
                    "its journal is signed, and nothing is pinned here that says by whom",
                    "日志已签名，此处无法验证签名者",
                )
            )
        case Standing.NOT_SIGNED_YET:
            found.append(_open("its journal has ended and is not signed", "日志已结束但未签名"))
        case Standing.OPEN:
            found.append(_open("it has not ended: it runs, or it stopped", "尚未结束：正在执行或已中止"))
        case Standing.BROKEN:
            pass
    found += [Proof(Mark.UNPROVED, Text(note, note)) for note in run.notes]
    if (run.records and run.opened("change") not in ("", STANDARD)) or run.opened("change_id"):
        found += _in_ledger(run, sources)
    return found


def _in_ledger(run: Verified, sources: Sources) -> list[Proof]:
    ledger = sources.ledger
    if ledger is None:
        return [_open("whether the git remote knows this run could not be asked", "无法向远程仓库核对此次执行")]
    opened, closed = ledger.find(run.run, "opened"), ledger.find(run.run, "closed")
    if opened is None:
        # Without the ledger only break-glass runs; and the ledger that was fetched last may be too old to know it.
        say = _wrong if sources.ledger_is_fresh and run.opened("change") == NORMAL else _open
        return [say("the ledger in the git remote does not know it", "远程仓库总账中没有此次执行")]
    found = entry_proofs(opened, closed, sources, here=True)
    if opened.entry.head != run.records[0].hash or opened.entry.plan != run.opened("plan"):
        found.append(_wrong("it does not begin as the ledger says", "开头与总账不符"))
    ended = run.records[-1].kind == CLOSED
    if closed is not None and closed.entry.result != LOST and (closed.entry.head, closed.entry.count) != (
        run.head, len(run.records)
    ):  # fmt: skip
        found.append(_wrong("it does not end as the ledger says", "结尾与总账不符"))
    if closed is None and ended:
        found.append(_open("the ledger does not know yet that it ended", "总账尚无其结束记录"))
    return found


def entry_proofs(
    opened: SignedEntry, closed: SignedEntry | None, sources: Sources, *, here: bool = False
) -> list[Proof]:
    """Say what is proved of a run's entries in the ledger; ``here``: its journal is here too."""
    found = []
    for each in (opened, closed):
        if each is None or sources.base is None:
            continue
        entry = each.entry
        said = ("its beginning", "开始") if entry.what == "opened" else ("its end", "结束")
        try:
            sources.base.signers.verify(
                each.raw, each.signature, namespace=NAMESPACE, person=entry.executor, at=entry.moment
            )
        except Refused as error:
            found.append(
                _wrong(f"the ledger's entry of {said[0]}: {error.message}", f"总账中{said[1]}记录：{error.message}")
            )
        else:
            found.append(
                _good(
                    f"{said[0]} is in the ledger, signed by {entry.executor}",
                    f"{said[1]}已记入总账，由 {entry.executor} 签名",
                )
            )
    if not here:
        found.append(
            _open(
                f"its journal is not here; it ran on {opened.entry.machine}",
                f"日志不在此处；执行于 {opened.entry.machine}",
            )
        )
    return found
