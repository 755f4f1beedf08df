"""The page about coverage: what protects each service, who gets a spare first, what shares a fate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.console.coverage_page import render
from drillbook.console.coverage_page.drawing import SPARE_WIDTHS, Row, spare_drawing
from drillbook.console.coverage_words import (
    COVERS,
    fallback_words,
    place_words,
    shared_words,
    title_of,
)
from drillbook.coverage.shared import NEAR
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from markupsafe import Markup

    from drillbook.cmdb.model import Cmdb
    from drillbook.coverage.cover import Coverage, ServiceCover, SpareCover, Wanting

WORDS = {
    "title": Text("What protects what", "保护覆盖情况"),
    "lead": Text(
        "Each service against what brings it back, and each spare against what counts on it. Computed from the CMDB; "
        "no host was asked.",
        "每个服务的恢复手段，以及每台备机被谁依赖。由 CMDB 计算，未访问任何主机。",
    ),
    "what_if": Text("What if", "假设"),
    "in_use": Text("in use", "被占用"),
    "losing": Text("These lose their cover meanwhile", "期间以下失去保护"),
    "nobody": Text("Nobody loses cover.", "无人失去保护。"),
    "services": Text("Services", "服务"),
    "service": Text("service", "服务"),
    "tier": Text("tier", "等级"),
    "cover": Text("cover", "保护"),
    "by": Text("item and what protects it", "配置项及其保护措施"),
    "keeps": Text("keeps", "满足"),
    "spares": Text("Spares that several count on", "被多方依赖的备机"),
    "spares_how": Text(
        "When two are down and one spare is left, the first has it: by tier, then RTO, then hours, then how many "
        "services depend on it, then id.",
        "两者同时失效而只有一台备机时，先者优先：依次比较等级、RTO、服务时间、依赖它的服务数、标识。",
    ),
    "shared": Text("One failure takes both", "同一故障同时影响双方"),
    "shared_how": Text(
        "What stands in the same rack or room as what protects it, or on the same power. That both are in one building "
        "or at one site is told below.",
        "与其保护处于同一机柜、机房或同一电源者。仅同楼宇或同场所者列于下方。",
    ),
    "wider": Text("In one building, at one site, or on one service", "同楼宇、同场所或依赖同一服务"),
    "first": Text("has it first", "优先使用"),
    "has": Text("has it now", "正在使用"),
    "without": Text("without it: ", "失去后："),
    "none": Text("The CMDB has no services.", "CMDB 中没有服务。"),
    "limits": Text(
        "Hot, cold and tape are the weakest of a service's items; in part: some of them have nothing. What each kind "
        "can keep is what policy says (policies.protection-limits); a drill measures it.",
        "“热备、冷备、磁带”取服务各配置项中最弱者；“部分”指其中一些无保护。"
        "各类保护的能力以策略 policies.protection-limits 为准，实际由演练测定。",
    ),
}
_BADGES = {"hot": "good", "cold": "step", "tape": "warn", "part": "contested", "none": "bad", "standby": "plain"}


def coverage_page(cmdb: Cmdb, found: Coverage, *, language: str) -> str:
    """Give the page; ``language`` (en or zh) is shown first, both are in it."""
    counts = [
        (COVERS[kind], sum(each.cover == kind for each in found.services), badge)
        for kind, badge in _BADGES.items() if kind != "standby"
    ]  # fmt: skip
    return render(
        "coverage.html.j2",
        {
            "w": WORDS,
            "kind": Text(cmdb.organisation, cmdb.organisation),
            "heading": WORDS["title"],
            "counts": counts,
            "taken": [_taken(each) for each in found.spares if each.taken_by is not None],
            "services": [_service(cmdb, each) for each in found.services],
            "spares": [_spare(cmdb, each) for each in found.spares if each.contested],
            "near": [(each.protection, shared_words(each)) for each in found.shared if each.what in NEAR],
            "wider": [(each.protection, shared_words(each)) for each in found.shared if each.what not in NEAR],
        },
        language=language,
    )


def _taken(spare: SpareCover) -> dict[str, Any]:
    return {
        "item": spare.item,
        "by": spare.taken_by,
        "losing": [(each.place.service, each.primary, fallback_words(each)) for each in spare.losing],
    }


def _service(cmdb: Cmdb, each: ServiceCover) -> dict[str, Any]:
    return {
        "id": each.service,
        "title": title_of(cmdb.services[each.service]),
        "tier": each.tier,
        "hours": each.hours,
        "objectives": (("RTO", each.rto, each.keeps_rto), ("RPO", each.rpo, each.keeps_rpo)),
        "cover": COVERS[each.cover],
        "badge": _BADGES[each.cover],
        "items": [
            {
                "id": item.item,
                "cover": COVERS[item.cover],
                "badge": _BADGES[item.cover],
                "by": [(one.protection, one.other or "", one.taken_by or "") for one in item.by],
            }
            for item in each.items
        ],
    }


def _spare(cmdb: Cmdb, spare: SpareCover) -> list[tuple[str, str, Markup]]:
    """Give a spare's drawing for each language and width, by the classes that show it."""
    title = Text(f"Who has {spare.item} first", f"{spare.item} 的使用次序")
    found = []
    for language in ("en", "zh"):
        rows = [_row(cmdb, spare, each, language) for each in spare.wanting]
        for name, width in SPARE_WIDTHS.items():
            drawn = spare_drawing(spare, rows, title=_in(title, language), width=width)
            found.append((language, name, drawn))
    return found


def _row(cmdb: Cmdb, spare: SpareCover, each: Wanting, language: str) -> Row:
    service = cmdb.services[each.place.service]
    about = " · ".join(part for part in (service.get("rto"), service.get("hours"), each.place.protection) if part)
    left, without = fallback_words(each), WORDS["without"]
    lost = Text(f"{without.en}{left.en}", f"{without.zh}{left.zh}")
    if each.place.protection == spare.taken_by:
        said = [WORDS["has"]]
    elif each.place.criterion:
        said = [place_words(each.place), lost]
    else:
        said = [WORDS["first"] if spare.taken_by is None else lost]
    return Row(each.place.service, about, tuple(_in(text, language) for text in said))


def _in(text: Text, language: str) -> str:
    return text.zh if language == "zh" else text.en
