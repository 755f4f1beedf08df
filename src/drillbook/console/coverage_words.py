"""The words and sentences about coverage and single failures, in English and Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.cmdb.impact.effects import Part
from drillbook.coverage.nminus1 import Blocked, Tried, Why
from drillbook.coverage.order import Place, order
from drillbook.coverage.shared import Common, Shared
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.cmdb.model import Cmdb, Entry
    from drillbook.coverage.cover import Cover, Wanting

COVERS = {
    "hot": Text("hot", "热备"),
    "cold": Text("cold", "冷备"),
    "tape": Text("tape", "磁带"),
    "part": Text("in part", "部分"),
    "none": Text("none", "无"),
    "standby": Text("standby", "备用"),
}
REASONS = {
    Why.NOTHING: Text("nothing brings it back", "无恢复手段"),
    Why.LOST: Text("lost with it", "恢复手段同时失效"),
    Why.CONTESTED: Text("the spare is contested", "备机被占用"),
    Why.SLOW: Text("too slow", "恢复超时"),
    Why.WAITS: Text("waits", "等待其他服务"),
}
KINDS = {"item": Text("item", "配置项"), "rack": Text("rack", "机柜"), "room": Text("room", "机房")}
_COMMON = {
    Common.RACK: Text("the rack {id}", "机柜 {id}"),
    Common.ROOM: Text("the room {id}", "机房 {id}"),
    Common.BUILDING: Text("the building {id}", "楼宇 {id}"),
    Common.SITE: Text("the site {id}", "场所 {id}"),
    Common.ITEM: Text("{id}, on which both stand", "{id}（双方均依赖）"),
    Common.SERVICE: Text("the service {id}, on which both stand", "服务 {id}（双方均依赖）"),
}
_ROLES = {
    Part.OTHER: Text("{others}", "{others}"),
    Part.SNAPSHOTS: Text("{others}, which keeps its snapshots", "存放其快照的 {others}"),
    Part.WITNESS: Text("{others}, which says who holds its role", "记录角色由谁承担的 {others}"),
    Part.PASSWORD: Text(
        "all that hold its snapshots' password ({others})", "存放快照口令的全部主机（{others}）"
    ),
}  # fmt: skip
_CRITERIA = {
    "tier": Text("tier {theirs} comes before tier {mine}", "{theirs} 级先于 {mine} 级"),
    "rto": Text("an RTO of {theirs} comes before {mine}", "RTO {theirs} 先于 {mine}"),
    "hours": Text("{theirs} comes before {mine}", "服务时间 {theirs} 先于 {mine}"),
    "dependents": Text("{theirs} dependent services come before {mine}", "依赖它的服务 {theirs} 个先于 {mine} 个"),
    "id": Text("all else is equal, so the id decides", "其余相同，按标识先后"),
}  # fmt: skip

_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))


def span(seconds: float) -> str:
    """Give seconds as the CMDB writes them: ``4 h``, ``90 s``, ``1.5 s``."""
    for unit, size in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"


def title_of(entry: Entry) -> Text:
    """Give what an entry is called; its id where it has no title."""
    title = entry.get("title") or entry.get("name") or {}
    return Text(title.get("en", entry.id), title.get("zh", entry.id))


def joined(texts: Iterable[Text]) -> Text:
    """Give sentences one after the other."""
    all_of_them = list(texts)
    return Text("; ".join(each.en for each in all_of_them), "；".join(each.zh for each in all_of_them))


def place_words(place: Place) -> Text:
    """Give why a protection comes after the one before it; empty for the first."""
    if not place.criterion:
        return Text("", "")
    return _filled(_CRITERIA[place.criterion], mine=place.mine, theirs=place.theirs)


def fallback_words(wanting: Wanting) -> Text:
    """Give what is left for a protection when its spare is taken."""
    if not wanting.fallback:
        return Text("nothing is left", "再无其他保护")
    return joined(_left(each) for each in wanting.fallback)


def _left(cover: Cover) -> Text:
    kind, takes = COVERS[cover.kind], cover.rto or "?"
    if cover.keeps_rto:
        return _filled(Text("{id} ({kind}), {takes}", "{id}（{kind}），{takes}"), cover.protection, kind, takes=takes)
    late = Text("{id} ({kind}), {takes}: longer than its RTO", "{id}（{kind}），{takes}，超过 RTO")
    return _filled(late, cover.protection, kind, takes=takes)


def shared_words(found: Shared) -> Text:
    """Give what a primary and its protection share."""
    others = _filled(_ROLES[found.role], others=", ".join(found.others))
    common = _filled(_COMMON[found.what], found.id)
    return Text(
        f"{found.primary} and {others.en} share {common.en}", f"{found.primary} 与{others.zh}同处{common.zh}"
    ) if found.what not in (Common.ITEM, Common.SERVICE) else Text(
        f"{found.primary} and {others.en} share {common.en}", f"{found.primary} 与{others.zh}共用 {common.zh}"
    )  # fmt: skip


def blocked_words(cmdb: Cmdb, blocked: Blocked, rto: float) -> Text:
    """Give why something that a service needs is not done again in time; ``rto`` in seconds."""
    need = blocked.need
    if blocked.why is Why.WAITS:
        return Text(f"waits for {need}", f"等待 {need}")
    if need in cmdb.services:
        return _filled(
            Text(
                "{id} is back in time for itself, and too late for an RTO of {takes}",
                "{id} 自身按时恢复，但晚于此处 RTO {takes}",
            ),
            need, takes=span(rto),
        )  # fmt: skip
    said = joined(_tried(cmdb, each, rto) for each in blocked.tried)
    if not blocked.tried:
        said = Text("nothing protects it", "无任何保护")
    through = " → ".join(blocked.through[:-1])
    way = Text(f" (with {through})", f"（因 {through}）") if through else Text("", "")
    return Text(f"{need}{way.en}: {said.en}", f"{need}{way.zh}：{said.zh}")


def _tried(cmdb: Cmdb, tried: Tried, rto: float) -> Text:
    if tried.why is Why.LOST:
        lost = Text("{id} needs {what}, which is lost too", "{id} 依赖同时失效的 {what}")
        return _filled(lost, tried.protection, what=tried.what)
    if tried.why is Why.CONTESTED:
        spare = cmdb.protections[tried.protection].get("members")["spare"]
        why = place_words(order(cmdb, (tried.protection, tried.what))[1])
        return Text(
            f"{spare} is given to {tried.what}: {why.en}", f"{spare} 分配给 {tried.what}：{why.zh}"
        )  # fmt: skip
    takes = span(tried.seconds or 0.0)
    slow = Text("{id} takes {takes}, longer than {rto}", "{id} 需 {takes}，超过 {rto}")
    return _filled(slow, tried.protection, takes=takes, rto=span(rto))


def _filled(text: Text, id_: str = "", kind: Text | None = None, **values: str) -> Text:
    kinds = kind or Text("", "")
    return Text(
        text.en.format(id=id_, kind=kinds.en, **values), text.zh.format(id=id_, kind=kinds.zh, **values)
    )  # fmt: skip
