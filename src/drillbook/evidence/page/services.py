"""What stands on the evidence page of a drill about several services: each against its objective. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.evidence.left import why_not_done
from drillbook.evidence.page.lanes import text
from drillbook.evidence.page.words import VERDICTS
from drillbook.evidence.wording import duration, joined, objective, same
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def several(record: Mapping[str, Any]) -> bool:
    """Tell whether a drill is about more than one service."""
    return len(record["services"]) > 1


def lead(record: Mapping[str, Any]) -> Text:
    """Say in two or three sentences what came of the drill."""
    if record["verdict"]["result"] == "invalid":
        return Text(
            "This drill did not run as described. It proves nothing and counts as no evidence.",
            "演练未按所述进行，不能证明任何结论，不计为证据。",
        )
    found = record["services"]
    wanted = [each for each in found if each["not_back"] is None]
    back = [each for each in wanted if _is_back(each)]
    parts = [
        Text(
            f"{len(back)} of {len(wanted)} services that were to come back are back.",
            f"应恢复的 {len(wanted)} 项业务中，已恢复 {len(back)} 项。",
        )
    ]
    longest = max(back, key=_away, default=None)
    if longest is not None:
        away, title = duration(_away(longest)), text(longest["title"])
        parts.append(
            Text(f"The longest outage of these was {away.en} ({title.en}).", f"其中最长中断 {away.zh}（{title.zh}）。")
        )
    if left := [text(each["title"]) for each in found if not _is_back(each)]:
        names = joined(left)
        parts.append(Text(f"Not back until the way back: {names.en}.", f"恢复原状前未恢复：{names.zh}。"))
    lost = [each["measures"]["rpo_actual"] for each in found if each["measures"]["keeps"]]
    number = sum(each["writes"] for each in lost if each is not None)
    if None in lost:
        parts.append(Text("How much was lost is not known for all.", "部分业务的数据丢失情况不明。"))
    elif number:
        parts.append(Text(f"{number:,} acknowledged writes were lost.", f"丢失已确认的写入 {number:,} 笔。"))
    else:
        parts.append(Text("No acknowledged write was lost.", "已确认的写入无一丢失。"))
    return Text(" ".join(each.en for each in parts), "".join(each.zh for each in parts))


def table(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a row for each service: its outage and what it lost, against what was wanted."""
    for each in record["services"]:
        measures, wanted = each["measures"], each["objectives"]
        lost = measures["rpo_actual"]
        expected = each["not_back"] is not None
        yield {
            "title": text(each["title"]),
            "id": each["service"],
            "outage": _outage(each),
            "rto": None if expected else _wanted("RTO", wanted["rto"]),
            "lost": Text("nothing kept", "不存数据")
            if not measures["keeps"]
            else Text("not known", "不明")
            if lost is None
            else same(f"{lost['writes']:,}"),
            "rpo": _wanted("RPO", wanted["rpo"]) if measures["keeps"] else None,
            "verdict": Text("as expected", "符合预期")
            if expected and each["result"] == "met"
            else VERDICTS[each["result"]],
            "class_": {"met": "good", "missed": "bad"}.get(each["result"], "warn"),
        }


def _wanted(name: str, seconds: float) -> Text:
    limit = objective(seconds)
    return Text(f"objective ({name}) {limit.en}", f"目标（{name}）{limit.zh}")


def left(record: Mapping[str, Any]) -> Iterator[Text]:
    """Say of each service that the runbook did not bring back why, and when the way back did."""
    for each in record["services"]:
        if _is_back(each):
            continue
        title, away = text(each["title"]), each["measures"]["restored"]
        if each["not_back"] is None:
            why, cause = Text("it was to come back, and did not", "本应恢复而未恢复"), why_not_done(record, each)
            if cause is not None:
                why = Text(f"{why.en}, since {cause.en}", f"{why.zh}，原因：{cause.zh}")
        else:
            why = text(each["not_back"])
        if away is None:
            later = Text("it was not seen to come back later either", "其后也未见恢复")
        else:
            time = duration(away)
            later = Text(f"the way back brought it back after {time.en}", f"恢复原状时恢复，共中断 {time.zh}")
        yield Text(f"{title.en}: {why.en}; {later.en}.", f"{title.zh}：{why.zh}；{later.zh}。")


def _is_back(service: Mapping[str, Any]) -> bool:
    outage = service["measures"]["outage"]
    return outage is None or outage["end"] is not None


def _away(service: Mapping[str, Any]) -> float:
    outage = service["measures"]["outage"]
    return 0.0 if outage is None else float(outage["seconds"])


def _outage(service: Mapping[str, Any]) -> Text:
    if not service["measures"]["interruptions"]:
        return Text("none", "无")
    if not _is_back(service):
        return Text("not back", "未恢复")
    return duration(_away(service))
