"""The drawings of a record: window of time, marks, and the list of events that their numbers refer to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.evidence.page.drawing import Chart, Lane, Mark
from drillbook.evidence.page.lanes import (
    fault_lanes,
    felt,
    limit_mark,
    outages_behind,
    probe_lanes,
    step_lanes,
    text,
)
from drillbook.evidence.page.words import PARTS, WORDS
from drillbook.runbook.model import Text
from drillbook.svg import GOOD, STEP, WARN

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
    moments = record["timeline"]
    struck: Mapping[str, Any] | None = None
    for fault in sorted(record["faults"], key=lambda each: each["began"]):
        said = text(fault["description"])
        if not fault["verified"]:
            said = Text(f"{said.en} (not seen to take effect)", f"{said.zh}（未见生效）")
        # Of hosts that were struck at the same moment one is marked: a second was struck before the first felt it.
        together = struck is not None and struck["kind"] == fault["kind"] and fault["began"] <= struck["effective"]
        yield Event(fault["effective"], said, "" if together else "fault")
        struck = struck if together else fault
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
        (0.0, Text("the probes are steady: every attempt is acknowledged", "探针稳定：每次操作均得到确认"), ""),
        (moments["trigger"], Text(f"trigger: {trigger.en}", f"触发：{trigger.zh}"), "" if planned else "act"),
        (moments["run"], Text(f"{main} begins (first journal record)", f"开始执行 {main}（首条日志记录）"),
         "act" if planned else ""),
        (moments["run_ended"], Text(f"{main} ends", f"{main} 执行结束"), ""),
        *_served(record),
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


def _served(record: Mapping[str, Any]) -> Iterator[tuple[float | None, Text, str]]:
    """Say when the users of each service were served for the last time, and when again."""
    for service in record["services"]:
        outage = felt(service)
        if outage is None:
            continue
        title, alone = text(service["title"]), len(record["services"]) == 1
        of, about = ("", "") if alone else (f" of {title.en}", f"{title.zh}：")
        yield outage["start"], Text(f"users{of} are served for the last time", f"{about}中断前最后一次得到服务"), ""
        yield outage["end"], Text(f"users{of} are served again", f"{about}业务恢复"), "back"
        if service["measures"]["restored"] is not None:
            at = outage["start"] + service["measures"]["restored"]
            yield at, Text(f"users{of} are served again, by the way back", f"{about}恢复原状时业务恢复"), ""


def focus(record: Mapping[str, Any]) -> Chart | None:
    """Give the drawing of the outage and the recovery; None when nothing was run and nothing was felt."""
    moments = record["timeline"]
    outages = [outage for service in record["services"] if (outage := felt(service)) is not None]
    main = [run for run in record["runs"] if run["part"] == "main"]
    inside = [moments[name] for name in ("fault", "trigger", "run", "run_ended") if moments[name] is not None]
    inside += [fault["effective"] for fault in record["faults"]]
    for outage in outages:
        inside += [outage["start"], outage["start"] + outage["seconds"]]
    if not inside:
        return None
    if not main:
        inside.append(moments["recovered"])
    margin = max(0.15, 0.06 * (max(inside) - min(inside)))
    begin, end = min(inside) - margin, max(inside) + margin
    limit = limit_mark(record, begin, end)
    if limit is not None:
        end = max(end, limit.at + margin)
    lanes = [*probe_lanes(record, begin, end, users_alone=len(record["services"]) > 1), *fault_lanes(record, end)]
    if main:
        lanes.append(Lane(WORDS["recovery"], heading=True))
    lanes += step_lanes(main)
    marks = [Mark(each.at, each.number, _COLOURS[each.kind]) for each in events(record) if each.number]
    return Chart(
        WORDS["timeline"], begin, end, origin(record), tuple(lanes),
        (*marks, *([limit] if limit else [])), outages_behind(record),
    )  # fmt: skip


def whole(record: Mapping[str, Any]) -> Chart | None:
    """Give the drawing of all that the drill did; None when this record does not hold what it needs."""
    seen = record["seen"]
    runs = [run for run in record["runs"] if run["began"] is not None]
    if seen is None or not runs:
        return None
    begin, end = min(0.0, *(run["began"] for run in runs)), record["timeline"]["end"]
    end = max(end, *(run["began"] + step["began"] + step["lasted"] for run in runs for step in run["steps"]), begin + 1)
    lanes = [*probe_lanes(record, begin, end), *fault_lanes(record, end)]
    for run in sorted(runs, key=lambda each: each["began"]):
        part = PARTS[run["part"]]
        lanes.append(Lane(Text(f"{part.en}: {run['runbook']}", f"{part.zh}：{run['runbook']}"), heading=True))
        lanes += step_lanes([run])
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
        WORDS["whole"], begin - 0.1, end + 0.1, origin(record), tuple(lanes), marks, outages_behind(record), bins,
        late["width"] if bins else 0.0,
    )  # fmt: skip
