"""Shows the single failures that leave a service without a way back within its RTO. Nothing here prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from drillbook.console.coverage_words import KINDS, REASONS, blocked_words, joined
from drillbook.coverage.accepted import decisions_of
from drillbook.coverage.nminus1 import Why
from drillbook.runbook.model import Text as Said
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from rich.console import RenderableType

    from drillbook.cmdb.model import Cmdb
    from drillbook.coverage.accepted import Judged, Weakness
    from drillbook.coverage.nminus1 import Single, Stranded

_LONGEST = 900
_STYLES = {
    Why.NOTHING: "bold red",
    Why.LOST: "bold red",
    Why.CONTESTED: "magenta",
    Why.SLOW: "yellow",
    Why.WAITS: "dim",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What is shown. ``worse``: what a base does not have, None where nothing is compared."""

    cmdb: Cmdb
    found: Single
    judged: Judged
    worse: AbstractSet[tuple[str, str]] | None

    def counts(self, weakness: Weakness) -> bool:
        """Tell whether a weakness decides the exit code: nobody accepted it, or it is new beside the base."""
        return weakness.counts if self.worse is None else weakness.counts and self.is_new(weakness)

    def is_new(self, weakness: Weakness) -> bool:
        """Tell whether the base does not have it."""
        return self.worse is not None and (weakness.failure.id, weakness.stranded.service) in self.worse

    @property
    def deciding(self) -> tuple[Weakness, ...]:
        """Those that decide the exit code."""
        return tuple(each for each in self.judged.weaknesses if self.counts(each))


def nminus1_view(told: Told, *, language: str = "en", whole: bool = False) -> RenderableType:
    """Give what counts, the worst first, then what is accepted; ``whole``: that one by one."""
    return Group(*_View(told, language, whole=whole).parts())


class _View:
    def __init__(self, told: Told, language: str, *, whole: bool) -> None:
        self.told, self.language, self.whole = told, language, whole

    def said(self, text: Said) -> str:
        return visible(text.zh if self.language == "zh" else text.en, limit=_LONGEST)

    def parts(self) -> list[RenderableType]:
        found, deciding = self.told.found, self.told.deciding
        parts: list[RenderableType] = [self.headline()]
        parts += self.failures(deciding)
        if self.whole:
            others = [each for each in self.told.judged.weaknesses if not self.told.counts(each)]
            if others:
                parts.append(
                    Text(f"\n{self.said(Said('Accepted, or as in the base', '已接受，或与基线相同'))}", style="bold")
                )
                parts += self.failures(others)
        else:
            parts += self.decisions()
        if self.told.judged.unneeded:
            names = ", ".join(self.told.judged.unneeded)
            parts.append(
                Text("\n" + self.said(Said(f"No longer needed in the policy: {names}", f"策略中已不再需要：{names}")))
            )
        tried = Said(
            f"Tried: {found.items:,} items, {found.racks} racks, {found.rooms} rooms; {found.computed:,} of them "
            "differ and touch a service or what protects one.",
            f"已检验 {found.items:,} 个配置项、{found.racks} 个机柜、{found.rooms} 个机房，其中 {found.computed:,} "
            "种互不相同且影响服务或其保护。",
        )
        return [*parts, Text(f"\n{self.said(tried)}", style="dim")]

    def headline(self) -> Text:
        number, all_of_them = len(self.told.deciding), len(self.told.judged.weaknesses)
        if not self.told.found.items:
            return Text(self.said(Said("The CMDB has no items.", "CMDB 中没有配置项。")), style="yellow")
        new = (
            Said("new, not accepted: ", "新增且未接受：")
            if self.told.worse is not None
            else Said("not accepted: ", "未接受：")
        )
        text = Text("✗ " if number else "✓ ", style="bold red" if number else "green")
        text.append(f"{self.said(new)}{number}", style="bold")
        text.append(
            self.said(Said(
                f" of {all_of_them} ways in which a single failure leaves a service with no way back within its RTO",
                f"；单点故障使服务无法在 RTO 内恢复的情形共 {all_of_them} 处",
            ))
        )  # fmt: skip
        return text

    def failures(self, weaknesses: Iterable[Weakness]) -> list[RenderableType]:
        by_failure: dict[str, list[Weakness]] = {}
        for each in weaknesses:
            by_failure.setdefault(each.failure.id, []).append(each)
        return [self.failure(its) for its in by_failure.values()]

    def failure(self, weaknesses: list[Weakness]) -> Text:
        failure = weaknesses[0].failure
        text = Text(f"\n{failure.id}", style="bold")
        text.append(f"  {self.said(KINDS[failure.kind])}", style="dim")
        if failure.same:
            text.append(f" = {', '.join(failure.same)}", style="dim")
        for each in weaknesses:
            text.append("\n")
            text.append_text(self.stranded(each))
        waiting = failure.waiting(each.stranded.service for each in weaknesses)
        if waiting:
            words = Said("and what waits for them: ", "以及等待它们的：")
            text.append(f"\n  {self.said(words)}{', '.join(waiting)}", style="dim")
        return text

    def stranded(self, weakness: Weakness) -> Text:
        each = weakness.stranded
        text = Text(f"  {each.service}", style="cyan")
        text.append(self.said(Said(f" (tier {each.tier}) ", f"（{each.tier} 级）")))
        text.append(self.said(REASONS[each.why]), style=_STYLES[each.why])
        text.append(f": {self.said(self.why(each))}")
        if weakness.accepted is not None:
            text.append(
                self.said(Said(f"; accepted: {weakness.accepted}", f"；已接受：{weakness.accepted}")), style="green"
            )
        elif weakness.expired is not None:
            words = Said(f"; was accepted by {weakness.expired}, which is over", f"；原接受 {weakness.expired} 已到期")
            text.append(self.said(words), style="yellow")
        if self.told.is_new(weakness):
            text.append(self.said(Said("; new", "；新增")), style="yellow")
        return text

    def why(self, each: Stranded) -> Said:
        return joined(blocked_words(self.told.cmdb, one, each.rto) for one in each.blocked)

    def decisions(self) -> list[RenderableType]:
        rows = []
        decisions = decisions_of(self.told.cmdb)
        for id_, decision in decisions.items():
            number = sum(each.accepted == id_ for each in self.told.judged.weaknesses)
            if number:
                title = Said(decision["title"]["en"], decision["title"]["zh"])
                text = Text(f"  {number:>4}  ")
                text.append(id_, style="bold")
                until = Said(
                    f", until {decision['until']} by {decision['by']}: ",
                    f"，至 {decision['until']}，{decision['by']} 决定：",
                )
                text.append(f"{self.said(until)}{self.said(title)}")
                rows.append(text)
        if not rows:
            return []
        heading = Said("Accepted (--all shows each)", "已接受（--all 逐条显示）")
        return [Text(f"\n{self.said(heading)}", style="bold"), *rows]
