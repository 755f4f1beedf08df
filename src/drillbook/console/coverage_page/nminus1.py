"""The page about single failures: which leave a service with no way back within its RTO, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.console.coverage_page import render
from drillbook.console.coverage_page.drawing import WIDTHS, bars, legend
from drillbook.console.coverage_words import KINDS, REASONS, blocked_words
from drillbook.coverage.accepted import decisions_of
from drillbook.coverage.nminus1 import Why
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.console.nminus1_view import Told
    from drillbook.coverage.accepted import Weakness

WORDS = {
    "title": Text("Single failures with no way back in time", "无法按时恢复的单点故障"),
    "lead": Text(
        "Every item, rack and room was taken away, one at a time: which services have no way back within their RTO. "
        "Computed from the CMDB; no host was asked.",
        "逐一假设每个配置项、机柜、机房失效：哪些服务无法在 RTO 内恢复。由 CMDB 计算，未访问任何主机。",
    ),
    "counting": Text("Not accepted", "未接受"),
    "fresh": Text("New, not accepted", "新增且未接受"),
    "accepted": Text("Accepted, until a day", "已接受（有期限）"),
    "tried": Text("Failures tried", "检验的故障"),
    "different": Text("that differ and touch a service or what protects one", "其中互不相同且影响服务或其保护"),
    "expired": Text("Accepted before, and over", "原已接受、现已到期"),
    "worst": Text("The worst", "最严重的故障"),
    "worst_how": Text("How many services each strands, accepted or not.", "各故障使多少服务无法按时恢复（含已接受）。"),
    "what_counts": Text("What counts now", "当前计入"),
    "nothing": Text("Nothing: all that was found is accepted.", "无：所发现的均已接受。"),
    "none": Text(
        "Nothing was found: every single failure has a way back in time.", "未发现问题：任何单点故障均可按时恢复。"
    ),
    "failure": Text("failure", "故障"),
    "service": Text("service", "服务"),
    "tier": Text("tier", "等级"),
    "why": Text("why", "原因"),
    "waiting": Text("and what waits for them:", "以及等待它们的："),
    "decisions": Text("What is accepted", "已接受的情形"),
    "until": Text("until", "有效期至"),
    "by": Text("decided by", "决定人"),
    "is_over": Text("over", "已到期"),
    "new": Text("new", "新增"),
    "unneeded": Text("Decisions that nothing needs any more", "已不再需要的决定"),
    "in_base": Text("Not accepted, and in the base already", "未接受，但基线中已存在"),
    "limits": Text(
        "What only waits for another service is told with the failure, and counted with that service. A rack or a "
        "room is told where no part of it alone does the same. Times are the best that policy gives each kind of "
        "protection.",
        "仅因等待其他服务而中断者附于该故障之后，不另计。机柜与机房仅在其任何单一部分都不致同样后果时列出。"
        "恢复时间取策略对各类保护给出的最短值。",
    ),
}
_WORST = 12
_BADGES = {Why.NOTHING: "bad", Why.LOST: "bad", Why.CONTESTED: "contested", Why.SLOW: "warn", Why.WAITS: "plain"}


def nminus1_page(told: Told, *, language: str) -> str:
    """Give the page; ``language`` (en or zh) is shown first, both are in it."""
    found, weaknesses = told.found, told.judged.weaknesses
    deciding = told.deciding
    worst = found.failures[:_WORST]
    decisions = decisions_of(told.cmdb)
    return render(
        "nminus1.html.j2",
        {
            "w": WORDS,
            "kind": Text(told.cmdb.organisation, told.cmdb.organisation),
            "heading": WORDS["title"],
            "number": len(deciding),
            "number_words": WORDS["counting"] if told.worse is None else WORDS["fresh"],
            "accepted": sum(not each.counts for each in weaknesses),
            "expired": sum(each.expired is not None and each.counts for each in weaknesses),
            "tried": found.items + found.racks + found.rooms,
            "different": found.computed,
            "bars": [(name, bars(worst, title=WORDS["worst"].en, width=width)) for name, width in WIDTHS.items()]
            if worst
            else [],
            "legend": legend(worst),
            "empty": not weaknesses,
            "counting": _rows(told, deciding),
            "in_base": _rows(told, [each for each in told.judged.counting if not told.counts(each)]),
            "decisions": [
                {
                    "id": id_,
                    "title": Text(decision["title"]["en"], decision["title"]["zh"]),
                    "until": decision["until"],
                    "by": decision["by"],
                    "count": len(its),
                    "rows": _rows(told, its),
                }
                for id_, decision in decisions.items()
                if (its := [each for each in weaknesses if each.accepted == id_])
            ],
            "unneeded": told.judged.unneeded,
        },
        language=language,
    )


def _rows(told: Told, weaknesses: Iterable[Weakness]) -> list[dict[str, Any]]:
    by_failure: dict[str, list[Weakness]] = {}
    for each in weaknesses:
        by_failure.setdefault(each.failure.id, []).append(each)
    rows = []
    for id_, its in by_failure.items():
        failure = its[0].failure
        rows.append({
            "id": id_,
            "kind": KINDS[failure.kind],
            "same": ", ".join(failure.same),
            "waiting": ", ".join(failure.waiting(each.stranded.service for each in its)),
            "services": [
                {
                    "id": each.stranded.service,
                    "tier": each.stranded.tier,
                    "badge": _BADGES[each.stranded.why],
                    "reason": REASONS[each.stranded.why],
                    "why": [blocked_words(told.cmdb, one, each.stranded.rto) for one in each.stranded.blocked],
                    "expired": each.expired if each.counts else None,
                    "new": told.is_new(each),
                }
                for each in its
            ],
        })  # fmt: skip
    return rows
