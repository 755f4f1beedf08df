"""Which lanes and marks the drawings of a record have, and the list of events that their numbers refer to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.evidence.page.drawing import Bar, Chart, Lane, Mark
from drillbook.evidence.page.words import PARTS, WORDS
from drillbook.evidence.seen import between
from drillbook.evidence.wording import duration, objective
from drillbook.runbook.model import Text
from drillbook.svg import BAD, GOOD, INK, MUTED, STEP, WARN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COLOURS = {"fault": WARN, "act": STEP, "back": GOOD}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a moment (seconds after the steady state).

    ``kind``: fault | act | back for those that the drawings mark (``number`` from 1), else empty.
    """

    at: float
    what: Text
    kind: str = ""
    number: int = 0


def text(value: Mapping[str, str]) -> Text:
    """Give a text of the record."""
    return Text(value["en"], value["zh"])


def origin(record: Mapping[str, Any]) -> float:
    """Give the moment from which the page counts: the fault, else the beginning of the run."""
    moments = record["timeline"]
    return next((moments[name] for name in ("fault", "run") if moments[name] is not None), 0.0)


def events(record: Mapping[str, Any]) -> list[Event]:
    """Give everything that happened, in the order of time; those that are marked are numbered."""
    found = sorted(_events(record), key=lambda each: each.at)
    numbers = iter(range(1, len(found) + 1))
    return [Event(each.at, each.what, each.kind, next(numbers) if each.kind else 0) for each in found]


def _events(record: Mapping[str, Any]) -> Iterator[Event]:
    moments, outage = record["timeline"], _felt(record)
    for fault in record["faults"]:
        said = text(fault["description"])
        if not fault["verified"]:
            said = Text(f"{said.en} (not seen to take effect)", f"{said.zh}（未见生效）")
        yield Event(fault["effective"], said, "fault")
        if fault["healed"] is not None:
            yield Event(
                fault["healed"],
                Text(
                    f"the fault '{fault['kind']}' on {fault['item']} is taken away",
                    f"解除 {fault['item']} 上的故障“{fault['kind']}”",
                ),
            )
    trigger = text(record["trigger"])
    planned = moments["fault"] is None
    main = next((run["runbook"] for run in record["runs"] if run["part"] == "main"), "")
    named: list[tuple[float | None, Text, str]] = [
        (0.0, Text("the probes are steady: every write is acknowledged", "探针稳定：每笔写入均得到确认"), ""),
        (moments["trigger"], Text(f"trigger: {trigger.en}", f"触发：{trigger.zh}"), "" if planned else "act"),
        (moments["run"], Text(f"{main} begins (first journal record)", f"开始执行 {main}（首条日志记录）"),
         "act" if planned else ""),
        (moments["run_ended"], Text(f"{main} ends", f"{main} 执行结束"), ""),
        (outage["start"] if outage else None, Text("the last acknowledged write before the outage",
                                          "中断前最后一笔已确认写入"), ""),
        (outage["end"] if outage else None, Text("users are served again: the first acknowledged write",
                                        "业务恢复：中断后第一笔已确认写入"), "back"),
        (moments["recovered"], Text("the recovery is measured up to here", "恢复过程的测量到此为止"), ""),
        (moments["end"], Text("the probes are stopped", "探针停止"), ""),
    ]  # fmt: skip
    for at, what, kind in named:
        if at is not None:
            yield Event(at, what, kind)
    for run in record["runs"]:
        if run["part"] == "afterwards" and run["began"] is not None:
            yield Event(run["began"], Text(f"{run['runbook']} begins", f"开始执行 {run['runbook']}"))
            if run["steps"]:
                ended = run["began"] + max(step["began"] + step["lasted"] for step in run["steps"])
                yield Event(
                    ended, Text(f"{run['runbook']} ends (its last step)", f"{run['runbook']} 执行结束（最后一步）")
                )


def focus(record: Mapping[str, Any]) -> Chart | None:
    """Give the drawing of the outage and the recovery; None when nothing was run and nothing was felt."""
    moments, outage = record["timeline"], _felt(record)
    main = [run for run in record["runs"] if run["part"] == "main"]
    inside = [moments[name] for name in ("fault", "trigger", "run", "run_ended") if moments[name] is not None]
    inside += [fault["effective"] for fault in record["faults"]]
    if outage is not None:
        inside += [outage["start"], outage["start"] + outage["seconds"]]
    if not inside:
        return None
    if not main:
        inside.append(moments["recovered"])
    margin = max(0.15, 0.06 * (max(inside) - min(inside)))
    begin, end = min(inside) - margin, max(inside) + margin
    limit = _limit(record, begin, end)
    if limit is not None:
        end = max(end, limit.at + margin)
    lanes = [*_writer_lanes(record, begin, end), *_fault_lanes(record, end)]
    if main:
        lanes.append(Lane(WORDS["recovery"], heading=True))
    lanes += _step_lanes(main)
    marks = [Mark(each.at, each.number, _COLOURS[each.kind]) for each in events(record) if each.number]
    return Chart(
        WORDS["timeline"], begin, end, origin(record), tuple(lanes),
        (*marks, *([limit] if limit else [])), _outages(record),
    )  # fmt: skip


def whole(record: Mapping[str, Any]) -> Chart | None:
    """Give the drawing of all that the drill did; None when this record does not hold what it needs."""
    seen = record["seen"]
    runs = [run for run in record["runs"] if run["began"] is not None]
    if seen is None or not runs:
        return None
    begin, end = min(0.0, *(run["began"] for run in runs)), record["timeline"]["end"]
    end = max(end, *(run["began"] + step["began"] + step["lasted"] for run in runs for step in run["steps"]), begin + 1)
    lanes = [*_writer_lanes(record, begin, end), *_fault_lanes(record, end)]
    for run in sorted(runs, key=lambda each: each["began"]):
        part = PARTS[run["part"]]
        lanes.append(Lane(Text(f"{part.en}: {run['runbook']}", f"{part.zh}：{run['runbook']}"), heading=True))
        lanes += _step_lanes([run])
    marks = tuple(Mark(each.at, each.number, _COLOURS[each.kind]) for each in events(record) if each.number)
    bins: tuple[tuple[float, float, float], ...] = ()
    if seen["latency"] is not None:
        late = seen["latency"]
        bins = tuple(
            (late["begin"] + number * late["width"], median, longest)
            for number, (median, longest) in enumerate(zip(late["median_ms"], late["longest_ms"], strict=False))
            if median is not None and longest is not None
        )
    return Chart(
        WORDS["whole"], begin - 0.1, end + 0.1, origin(record), tuple(lanes), marks, _outages(record), bins,
        late["width"] if bins else 0.0,
    )  # fmt: skip


def _limit(record: Mapping[str, Any], begin: float, end: float) -> Mark | None:
    """Give the line of the objective, when it is near enough to be drawn among the steps."""
    outage, wanted = _felt(record), record["objectives"]
    if outage is None or wanted["expected_refusal"] is not None:
        return None
    at = outage["start"] + wanted["rto"]
    if at > end + 0.5 * (end - begin):
        return None
    limit = objective(wanted["rto"])
    return Mark(at, 0, INK, Text(f"objective {limit.en}", f"目标 {limit.zh}"))


def _felt(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the outage when there was one that counts; the longest pause of an undisturbed writer is none."""
    measures = record["measures"]
    outage: Mapping[str, Any] | None = measures["outage"] if measures["interruptions"] else None
    return outage


def _outages(record: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    outage = _felt(record)
    return () if outage is None else ((outage["start"], outage["start"] + outage["seconds"]),)


def _writer_lanes(record: Mapping[str, Any], begin: float, end: float) -> Iterator[Lane]:
    seen, outage = record["seen"], _felt(record)
    if seen is None:
        if outage is not None:
            at, away = outage["start"], outage["seconds"]
            yield Lane(WORDS["outage"], (Bar(at, at + away, BAD, duration(away)),))
        return
    if not seen["writers"]:
        return
    yield Lane(WORDS["writes"], heading=True)
    begin, end = max(begin, 0.0), min(end, record["timeline"]["end"])
    users = seen["latency"]["writer"] if seen["latency"] else None
    for writer in sorted(seen["writers"], key=lambda each: each["writer"] != users):
        is_users = writer["writer"] == users
        source, target = writer["from"], writer["to"]
        name = (
            Text("Users (through the service's address)", "用户（经业务地址）")
            if is_users
            else Text(f"Straight to {target}, from {source}", f"直连 {target}（自 {source}）")
        )
        yield Lane(name, _writer_bars(writer, begin, end, users=is_users))


def _fault_lanes(record: Mapping[str, Any], end: float) -> Iterator[Lane]:
    if record["faults"]:
        yield Lane(WORDS["faults"], heading=True)
    for fault in record["faults"]:
        until = _until(fault, record, end) if fault["healed"] is None else fault["healed"]
        said = text(fault["description"])
        # What stands before the colon says what happened; what follows says how.
        yield Lane(
            Text(said.en.partition(": ")[0], said.zh.partition("：")[0]), (Bar(fault["effective"], until, WARN),)
        )


def _until(fault: Mapping[str, Any], record: Mapping[str, Any], end: float) -> float:
    """Give when a fault that does not heal was over: when the way back had done its first step on the host."""
    for run in record["runs"]:
        if run["part"] == "afterwards" and run["began"] is not None:
            for step in run["steps"]:
                if step["item"] == fault["item"]:
                    return min(end, float(run["began"] + step["began"] + step["lasted"]))
    return end


def _step_lanes(runs: list[Mapping[str, Any]]) -> Iterator[Lane]:
    for run in runs:
        if run["began"] is None:
            continue
        for step in run["steps"]:
            yield Lane(text(step["title"]), (_step_bar(run["began"], step),))


def _writer_bars(writer: Mapping[str, Any], begin: float, end: float, *, users: bool) -> tuple[Bar, ...]:
    """Give the bars of a writer's lane: acknowledged, and for users the times between as outages.

    Users' writes are not missing once their writer has stopped: its last attempt ends the window.
    """
    ends = [span[1] for name in ("acknowledged", "refused", "unanswered") for span in writer[name]]
    bars = [Bar(a, b, GOOD) for a, b in writer["acknowledged"] if b >= begin and a <= end]
    if users:
        gaps = between(writer["acknowledged"], begin, min(end, max(ends, default=begin)))
        bars += [Bar(a, b, BAD, duration(b - a), between=True) for a, b in gaps if b - a > writer["apart"]]
    else:
        bars += [Bar(a, b, MUTED, thin=True) for a, b in writer["refused"] if b >= begin and a <= end]
        bars += [Bar(a, b, WARN, thin=True) for a, b in writer["unanswered"] if b >= begin and a <= end]
    return tuple(bars)


def _step_bar(begin: float, step: Mapping[str, Any]) -> Bar:
    """Give the bar of a step whose run began at ``begin``."""
    at = begin + step["began"]
    bad = step["stage"] in ("failed", "unknown", "started", "acted")
    return Bar(at, at + step["lasted"], BAD if bad else STEP, duration(step["lasted"]))
