"""The reasons that speak of a second host that served users. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.evidence.wording import joined, same
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from drillbook.evidence.primaries import Violation
    from drillbook.evidence.verdict import Findings

_SHOWN = 3  # examples named in a reason


def second_host(findings: Findings) -> list[Text]:
    """Say that two hosts served users at once: it is proved however the drill ran."""
    reasons = []
    if findings.overlaps:
        number, first = len(findings.overlaps), findings.overlaps[0]
        hosts = joined(map(same, first.hosts))
        reasons.append(
            Text(
                f"two hosts answered on the address at once ({number} times): {hosts.en}, first at "
                f"{first.writer}:{first.seq}",
                f"两台主机同时应答服务地址（{number} 次）：{hosts.zh}，首次见于 {first.writer}:{first.seq}",
            )
        )
    if not findings.violations:
        return reasons
    number = len(findings.violations)
    if findings.by_address:
        did = Text("answered for the address", "应答了服务地址")
        what = Text("two hosts answered on the address", "两台主机应答服务地址")
    else:
        did = Text("acknowledged", "确认了")
        what = Text("two primaries acknowledged writes at once", "两台主库同时确认写入")
    named = joined(_violation(each, did, by_address=findings.by_address) for each in findings.violations[:_SHOWN])
    reasons.append(
        Text(
            f"{what.en} ({number} proved): {named.en}",
            f"{what.zh}（已证实 {number} {'次' if findings.by_address else '笔'}）：{named.zh}",
        )
    )
    return reasons


def _violation(found: Violation, did: Text, *, by_address: bool) -> Text:
    ack = found.ack
    sample = f"{ack.writer}:{ack.seq}"
    if by_address:
        return Text(
            f"{ack.host} {did.en} ({sample}) while {found.primary} held it",
            f"{found.primary} 持有时 {ack.host} {did.zh}（{sample}）",
        )
    return Text(
        f"{ack.host} {did.en} {sample} while {found.primary} was the primary",
        f"{found.primary} 为主库时 {ack.host} {did.zh} {sample}",
    )


def unwanted(findings: Findings) -> list[Text]:
    """Say that another host served users in a drill in which nothing was to be promoted."""
    if findings.expectation.refused is None or not findings.elsewhere or findings.violations:
        return []
    hosts = joined(same(host) for host in sorted({ack.host for ack in findings.elsewhere}))
    if findings.by_address:
        return [
            Text(
                f"{hosts.en} answered for the address; the drill expects that only the old host does",
                f"{hosts.zh} 应答了服务地址；本演练要求只有原主机应答",
            )
        ]
    return [
        Text(
            f"{hosts.en} acknowledged writes; the drill expects that only the old primary does",
            f"{hosts.zh} 确认了写入；本演练要求只有原主库确认写入",
        )
    ]
