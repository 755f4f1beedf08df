"""From findings to the verdict: met, missed or invalid, with every reason. Pure.

Invalid means that the drill proves nothing, because it did not run as it is described. Missed means that
it ran, and an objective was not reached. Invalid wins: an objective that seems met (or missed) in a
drill that did not run as described is no evidence of anything. One thing is proved however the drill
ran: two hosts that served users at once. That is never filed as invalid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import ExitCode
from drillbook.evidence.second_host import second_host, unwanted
from drillbook.evidence.verdict import Result, Verdict
from drillbook.evidence.wording import joined, meaning, same
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.evidence.measure import Felt
    from drillbook.evidence.verdict import Findings

_SHOWN = 3  # examples named in a reason
# Ends that say nothing about the runbook or the estate.
_NOT_RUN = (
    ExitCode.INTERNAL,
    ExitCode.USAGE,
    ExitCode.INVALID,
    ExitCode.LOCKED,
    ExitCode.STOPPED,
    ExitCode.PREREQUISITE,
    ExitCode.JOURNAL,
)


def judge_services(named: Sequence[tuple[Text, Findings]]) -> tuple[Verdict, list[Verdict]]:
    """Give the verdict of a drill, the worst of all its services', and that of each service by itself.

    ``named``: each service's name, which its reasons begin with when there are several, and its findings; what is of
    the drill as a whole is taken from the first.
    """
    drill = named[0][1]
    unsteady = [
        Text(
            f"the steady state was not there to begin with: {check.text.en}: {check.detail.en}",
            f"演练开始前稳态不成立：{check.text.zh}：{check.detail.zh}",
        )
        for check in drill.steady_before
        if not check.held
    ]
    if unsteady:
        invalid = Verdict(Result.INVALID, (*drill.trouble, *unsteady))
        return invalid, [invalid for _ in named]
    void = [*drill.trouble, *_not_as_described(drill)]
    own = [(second_host(each), [*each.own_trouble, *_not_measured(each)], _missed(each)) for _, each in named]
    split, wrong, missed = (
        [reason for (name, _), parts in zip(named, own, strict=True) for reason in _of(name, parts[which], named)]
        for which in range(3)
    )
    if void or wrong:
        whole = Verdict(Result.MISSED if split else Result.INVALID, (*split, *void, *wrong))
    else:
        reasons = (*split, *_run(drill), *missed, *_afterwards(drill))
        whole = Verdict(Result.MISSED if reasons else Result.MET, reasons)
    return whole, [_alone(*parts, void=bool(void)) for parts in own]


def _of(name: Text, reasons: list[Text], named: Sequence[object]) -> list[Text]:
    if len(named) == 1:
        return reasons
    return [Text(f"{name.en}: {each.en}", f"{name.zh}：{each.zh}") for each in reasons]


def _alone(split: list[Text], wrong: list[Text], missed: list[Text], *, void: bool) -> Verdict:
    if split:
        return Verdict(Result.MISSED, tuple(split))
    if void or wrong:
        return Verdict(Result.INVALID, tuple(wrong))
    return Verdict(Result.MISSED if missed else Result.MET, tuple(missed))


def _missed(findings: Findings) -> list[Text]:
    return [*_recovery(findings), *unwanted(findings), *_data(findings), *_way_back(findings)]


def _not_as_described(findings: Findings) -> list[Text]:
    message = findings.run_message
    reasons = [
        Text(
            f"the fault '{fault.kind}' on {fault.item} did not take effect: {fault.detail.en}",
            f"{fault.item} 上的故障“{fault.kind}”未生效：{fault.detail.zh}",
        )
        for fault in findings.faults
        if not fault.verified
    ]
    if not findings.triggered:
        reasons.append(Text("the trigger never came, so the runbook was not run", "触发条件始终未出现，手册未执行"))
    if findings.run in _NOT_RUN:
        reasons.append(
            Text(f"the runbook was not run to an end of its own: {message.en}", f"手册未能自行执行到结束：{message.zh}")
        )
    return reasons


def _not_measured(findings: Findings) -> list[Text]:
    reasons = []
    if findings.must_be_felt and findings.felt.interruptions == 0:
        reasons.append(
            Text(
                "users noticed nothing: they were served all the time, so the fault proved nothing",
                "用户毫无感知：服务始终正常，故障没有证明任何问题",
            )
        )
    for writer, silent in findings.silences.items():
        if silent:
            longest = max(silent, key=lambda each: each.seconds)
            reasons.append(
                Text(
                    f"the probe '{writer}' made no attempt {len(silent)} time{'s' if len(silent) != 1 else ''}, "
                    f"for up to {longest.seconds:.2f} s: what happened then was not measured",
                    f"探针“{writer}”有 {len(silent)} 段时间没有尝试，最长 {longest.seconds:.2f} 秒：其间情况没有测到",
                )
            )
    reasons += [
        Text(
            f"the probe '{writer}' did not end in order: samples are missing",
            f"探针“{writer}”未正常结束：样本不完整",
        )
        for writer in findings.incomplete
    ]
    if findings.keeps and findings.lost is None:
        reasons.append(
            Text(
                "rows and acknowledgements could not be compared, so nothing is known about lost writes",
                "数据行与确认记录无法比对，是否丢失写入不得而知",
            )
        )
    if findings.kept is not None and findings.kept.refused_survived:
        number = findings.kept.refused_survived
        reasons.append(
            Text(f"rows are there that the server had refused: {number}", f"库中有服务器已拒绝的数据行：{number} 行")
        )
    if findings.kept is not None and findings.kept.unheard_of:
        number = findings.kept.unheard_of
        reasons.append(
            Text(f"rows are there that no probe ever sent: {number}", f"库中有探针从未发送的数据行：{number} 行")
        )
    return reasons


def _run(findings: Findings) -> list[Text]:
    expected, message = findings.expectation.refused, findings.run_message
    if expected is None:
        if findings.run is None or findings.run is ExitCode.OK:
            return []
        code = int(findings.run)
        return [
            Text(
                f"the runbook did not succeed (exit code {code}): {message.en}",
                f"手册未执行成功（退出码 {code}）：{message.zh}",
            )
        ]
    reasons = []
    if findings.run is not expected:
        ended = (
            Text("was not run", "未执行")
            if findings.run is None
            else Text(f"ended with exit code {int(findings.run)}", f"以退出码 {int(findings.run)} 结束")
        )
        why = meaning(expected)
        reasons.append(
            Text(
                f"the runbook {ended.en}; the drill expects it to refuse with {int(expected)} ({why.en})",
                f"手册{ended.zh}；本演练要求其以退出码 {int(expected)} 拒绝（{why.zh}）",
            )
        )
    if findings.promoted:
        items = joined(map(same, findings.promoted))
        reasons.append(
            Text(
                f"{items.en} was promoted; the drill expects that nothing is",
                f"{items.zh} 被提升；本演练要求不提升任何主机",
            )
        )
    return reasons


def _recovery(findings: Findings) -> list[Text]:
    if findings.expectation.refused is not None:
        return []
    felt, rto = findings.felt, findings.objectives.rto
    if findings.not_back is not None:
        return _came_back(findings.not_back, felt)
    if felt.outage is not None and felt.outage.end is None:
        away = f"{felt.outage.seconds:.1f}"
        return [
            Text(
                f"the service did not come back in the {away} s that it was watched", f"观察的 {away} 秒内服务没有恢复"
            )
        ]
    if felt.outage is not None and felt.outage.seconds > rto:
        away = f"{felt.outage.seconds:.3f}"
        return [
            Text(
                f"the service was away for {away} s; the objective (RTO) is {rto:g} s",
                f"业务中断 {away} 秒；目标（RTO）为 {rto:g} 秒",
            )
        ]
    if felt.interrupted > rto:
        times, away = felt.interruptions, f"{felt.interrupted:.3f}"
        return [
            Text(
                f"the service was interrupted {times} times, {away} s together; the objective (RTO) is {rto:g} s",
                f"业务中断 {times} 次，合计 {away} 秒；目标（RTO）为 {rto:g} 秒",
            )
        ]
    return []


def _came_back(why: Text, felt: Felt) -> list[Text]:
    """Say that a service is back that should not be: then the drill, or the runbook, is not what it says it is."""
    if felt.interruptions == 0:
        return [
            Text(
                f"users were served all the time; the drill expects that they are not, because {why.en}",
                f"用户始终得到服务；本演练预期其中断，原因：{why.zh}",
            )
        ]
    if felt.outage is None or felt.outage.end is None:
        return []
    away = f"{felt.outage.seconds:.3f}"
    return [
        Text(
            f"the service was back after {away} s; the drill expects that it is not, because {why.en}",
            f"业务在 {away} 秒后恢复；本演练预期不恢复，原因：{why.zh}",
        )
    ]


def _data(findings: Findings) -> list[Text]:
    lost, rpo = findings.lost, findings.objectives.rpo
    reasons = []
    if lost is not None and lost.count and (rpo == 0 or lost.seconds > rpo):
        examples = f"{', '.join(lost.examples[:_SHOWN])}{', …' if lost.count > _SHOWN else ''}"
        reasons.append(
            Text(
                f"acknowledged writes are lost: {lost.count}, over {lost.seconds:.3f} s ({examples}); "
                f"the objective (RPO) is {rpo:g} s",
                f"丢失已确认的写入 {lost.count} 笔，时间跨度 {lost.seconds:.3f} 秒（{examples}）；"
                f"目标（RPO）为 {rpo:g} 秒",
            )
        )
    if findings.repeated is not None and findings.repeated.means.wrong:
        reasons.append(findings.repeated.said)
    return reasons


def _way_back(findings: Findings) -> list[Text]:
    """Users do not care which run takes their service away: the way back is held against the objective too.

    Not after a refusal: there the fault lasts until it is healed, and nothing was to bring the service back.
    """
    back, rto = findings.back, findings.objectives.rto
    if findings.expectation.refused is not None or back is None or back.seconds <= rto:
        return []
    away = f"{back.seconds:.3f}"
    return [
        Text(
            f"on the way back the service was away for {away} s; the objective (RTO) is {rto:g} s",
            f"恢复原状期间业务中断 {away} 秒；目标（RTO）为 {rto:g} 秒",
        )
    ]


def _afterwards(findings: Findings) -> list[Text]:
    reasons = [
        Text(
            f"{runbook}, run afterwards, ended with exit code {int(code)} ({meaning(code).en})",
            f"随后执行的 {runbook} 以退出码 {int(code)} 结束（{meaning(code).zh}）",
        )
        for runbook, code in findings.afterwards
        if code is not ExitCode.OK
    ]
    reasons += [
        Text(
            f"the steady state did not hold again afterwards: {check.text.en}: {check.detail.en}",
            f"演练后稳态没有恢复：{check.text.zh}：{check.detail.zh}",
        )
        for check in findings.steady_after
        if not check.held
    ]
    return reasons
