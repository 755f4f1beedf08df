"""Shows what protects each service, who gets a spare, and what shares a fate. Nothing here prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from drillbook.console.coverage_words import (
    COVERS,
    fallback_words,
    joined,
    place_words,
    shared_words,
)
from drillbook.coverage.cover import LEVELS
from drillbook.coverage.shared import NEAR
from drillbook.runbook.model import Text as Said
from drillbook.text import visible

if TYPE_CHECKING:
    from rich.console import RenderableType

    from drillbook.coverage.cover import Coverage, ServiceCover, SpareCover

_STYLES = {"hot": "green", "cold": "cyan", "tape": "yellow", "part": "magenta", "none": "bold red", "standby": "dim"}
_LONGEST = 600
HEADINGS = {
    "services": Said("Services", "服务"),
    "spares": Said("Spares", "备机"),
    "shared": Said("One failure takes both", "同一故障同时影响双方"),
    "service": Said("service", "服务"),
    "tier": Said("tier", "等级"),
    "cover": Said("cover", "保护"),
    "by": Said("by", "保护措施"),
    "keeps": Said("keeps RTO, RPO", "满足 RTO、RPO"),
}


def coverage_view(found: Coverage, *, language: str = "en", whole: bool = False) -> RenderableType:
    """Give each service with its cover, each spare with who gets it first, and what shares a fate.

    ``whole``: every item of a service, and what shares no more than a building or a site.
    """
    return Group(*_View(language, whole=whole).parts(found))


class _View:
    def __init__(self, language: str, *, whole: bool) -> None:
        self.language, self.whole = language, whole

    def said(self, text: Said) -> str:
        return visible(text.zh if self.language == "zh" else text.en, limit=_LONGEST)

    def heading(self, name: str) -> Text:
        return Text(f"\n{self.said(HEADINGS[name])}", style="bold")

    def parts(self, found: Coverage) -> list[RenderableType]:
        parts: list[RenderableType] = [self.headline(found)]
        parts += [Padding(self.taken(each), (1, 0, 0, 0)) for each in found.spares if each.taken_by is not None]
        if found.services:
            parts += [self.heading("services"), self.services(found)]
        wanted = [each for each in found.spares if each.contested or self.whole]
        if wanted:
            parts += [self.heading("spares"), *(self.spare(each) for each in wanted)]
        fates = [each for each in found.shared if self.whole or each.what in NEAR]
        if fates:
            parts.append(self.heading("shared"))
            parts += [Text(f"  {each.protection}: {self.said(shared_words(each))}") for each in fates]
        return parts

    def headline(self, found: Coverage) -> Text:
        counts = {kind: sum(each.cover == kind for each in found.services) for kind in reversed(LEVELS)}
        total = len(found.services)
        if not total:
            return Text(self.said(Said("The CMDB has no services.", "CMDB 中没有服务。")), style="yellow")
        text = Text(self.said(Said(f"{total} services: ", f"{total} 个服务：")), style="bold")
        for index, (kind, count) in enumerate(counts.items()):
            text.append(", " if index else "")
            text.append(f"{count} {self.said(COVERS[kind])}", style=_STYLES[kind] if count else "dim")
        return text

    def taken(self, spare: SpareCover) -> Text:
        text = Text(
            self.said(
                Said(
                    f"While {spare.item} is in use by {spare.taken_by}",
                    f"{spare.item} 被 {spare.taken_by} 占用期间",
                )
            ),
            style="bold yellow",
        )
        if not spare.losing:
            text.append(self.said(Said(", nobody loses cover.", "，无人失去保护。")))
        else:
            text.append(self.said(Said(" these lose it:", "，以下失去备机：")))
        for each in spare.losing:
            text.append(f"\n  {each.place.service} ({each.primary}): ", style="red")
            text.append(self.said(fallback_words(each)))
        return text

    def services(self, found: Coverage) -> Padding:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("service", "tier", "RTO", "RPO", "cover", "by", "keeps"):
            heading = self.said(HEADINGS[name]) if name in HEADINGS else name
            table.add_column(heading, no_wrap=name not in {"by", "keeps"}, overflow="fold")
        for each in found.services:
            kept = Text.assemble(_mark(kept=each.keeps_rto), " ", _mark(kept=each.keeps_rpo))
            table.add_row(
                Text(each.service, style="bold"), str(each.tier), each.rto, each.rpo,
                Text(self.said(COVERS[each.cover]), style=_STYLES[each.cover]), self.by(each), kept,
            )  # fmt: skip
        return Padding(table, (0, 0, 0, 2), expand=False)

    def by(self, service: ServiceCover) -> Text:
        """Give what protects a service; the items that nothing protects by name."""
        if self.whole:
            rows = []
            for item in service.items:
                free = ", ".join(each.protection for each in item.free)
                by = f" ({free})" if free else ""
                rows.append(f"{item.item}: {self.said(COVERS[item.cover])}{by}")
            return Text("\n".join(rows))
        names = list(dict.fromkeys(each.protection for item in service.items for each in item.free))
        bare = [item.item for item in service.items if item.cover == "none"]
        text = Text(_some(names))
        if bare:
            words = Said(f"nothing for {_some(bare)}", f"{_some(bare)} 无保护")
            text.append(f"{'; ' if names else ''}{self.said(words)}", style="red")
        return text

    def spare(self, spare: SpareCover) -> Text:
        text = Text(f"  {spare.item}", style="bold")
        for number, each in enumerate(spare.wanting, 1):
            text.append(f"\n    {number}. {each.place.protection}", style="cyan")
            text.append(f" ({each.primary}, {each.place.service})")
            reasons = [place_words(each.place)] if each.place.criterion else []
            if number > 1:
                reasons.append(fallback_words(each))
            text.append(f": {self.said(joined(reasons))}" if reasons else "")
        if spare.unused and self.whole:
            unused = ", ".join(spare.unused)
            text.append(
                "\n    " + self.said(Said(f"may stand in for {unused}, and no protection counts on it",
                                          f"可接替 {unused}，但没有保护措施使用它")), style="dim",
            )  # fmt: skip
        return text


def _mark(*, kept: bool) -> Text:
    return Text("✓", style="green") if kept else Text("✗", style="bold red")


def _some(ids: list[str], most: int = 4) -> str:
    return ", ".join(ids) if len(ids) <= most else f"{', '.join(ids[: most - 1])} … ({len(ids)})"
