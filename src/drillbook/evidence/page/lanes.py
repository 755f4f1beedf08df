"""The lanes of the drawings of a record: probes, faults, steps. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.evidence.page.drawing import Bar, Lane, Mark
from drillbook.evidence.page.words import WORDS
from drillbook.evidence.seen import between
from drillbook.evidence.wording import duration, objective, same
from drillbook.runbook.model import Text
from drillbook.svg import BAD, GOOD, INK, MUTED, STEP, WARN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def text(value: Mapping[str, str]) -> Text:
    """Give a text of the record."""
    return Text(value["en"], value["zh"])


def limit_mark(record: Mapping[str, Any], begin: float, end: float) -> Mark | None:
    """Give the line of the one service's objective, when it is near enough to be drawn among the steps."""
    outage, wanted = felt(record["services"][0]), record["services"][0]["objectives"]
    if outage is None or record["expected_refusal"] is not None or len(record["services"]) > 1:
        return None
    at = outage["start"] + wanted["rto"]
    if at > end + 0.5 * (end - begin):
        return None
    limit = objective(wanted["rto"])
    return Mark(at, 0, INK, Text(f"objective {limit.en}", f"目标 {limit.zh}"))


def felt(service: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the outage when there was one that counts; the longest pause of an undisturbed writer is none."""
    measures = service["measures"]
    outage: Mapping[str, Any] | None = measures["outage"] if measures["interruptions"] else None
    return outage


def outages_behind(record: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    """Give the outage that is drawn behind all lanes: that of the one service that the drill is about."""
    outage = felt(record["services"][0]) if len(record["services"]) == 1 else None
    return () if outage is None else ((outage["start"], outage["start"] + outage["seconds"]),)


def probe_lanes(record: Mapping[str, Any], begin: float, end: float, *, users_alone: bool = False) -> Iterator[Lane]:
    """Give a lane for each probe, the users of each service first; ``users_alone``: no others."""
    seen = record["seen"]
    if seen is None:
        for service in record["services"]:
            outage = felt(service)
            if outage is not None:
                at, away = outage["start"], outage["seconds"]
                yield Lane(WORDS["outage"], (Bar(at, at + away, BAD, duration(away)),))
        return
    if not seen["writers"]:
        return
    yield Lane(WORDS["writes"], heading=True)
    begin, end = max(begin, 0.0), min(end, record["timeline"]["end"])
    probes = {each["writer"]: each for each in seen["writers"]}
    several = len(record["services"]) > 1
    for service in record["services"]:
        users = probes.get(service["users"])
        if users is not None:
            name = (
                text(service["title"])
                if several
                else Text("Users (through the service's address)", "用户（经业务地址）")
            )
            yield Lane(name, _bars(users, begin, end, users=True), limit=_limit(service) if several else None)
    for service in () if users_alone else record["services"]:
        for name in service["probes"]:
            if name in probes and name != service["users"]:
                yield _other_lane(probes[name], service, (begin, end), several=several)


def _other_lane(
    probe: Mapping[str, Any], service: Mapping[str, Any], window: tuple[float, float], *, several: bool
) -> Lane:
    """Give the lane of a probe that does not stand for users."""
    title = text(service["title"])
    of = Text(f" ({title.en})", f"（{title.zh}）") if several else same("")
    if probe["does"] == "watches":
        name = Text(f"Who answers for the address{of.en}", f"应答服务地址的主机{of.zh}")
        return Lane(name, tuple(_holders(probe, service, *window)))
    source, target = probe["from"], probe["to"]
    name = Text(f"Straight to {target}, from {source}{of.en}", f"直连 {target}（自 {source}）{of.zh}")
    return Lane(name, _bars(probe, *window, users=False))


def _holders(watcher: Mapping[str, Any], service: Mapping[str, Any], begin: float, end: float) -> Iterator[Bar]:
    """Give when somebody answered for the address, cut where another host began to."""
    for number, reign in enumerate(service["measures"]["reigns"]):
        for a, b in watcher["acknowledged"]:
            first, last = max(a, reign["begin"], begin), min(b, reign["end"], end)
            if first < last:
                yield Bar(first, last, STEP if number % 2 else MUTED, same(reign["host"]), between=True)


def _limit(service: Mapping[str, Any]) -> float | None:
    """Give when the service had to be back; None when nothing was to bring it back."""
    outage = felt(service)
    if outage is None or service["not_back"] is not None:
        return None
    return float(outage["start"] + service["objectives"]["rto"])


def fault_lanes(record: Mapping[str, Any], end: float) -> Iterator[Lane]:
    """Give a lane for each fault."""
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


def step_lanes(runs: list[Mapping[str, Any]]) -> Iterator[Lane]:
    """Give a lane for each step that was begun."""
    for run in runs:
        if run["began"] is None:
            continue
        for step in run["steps"]:
            yield Lane(text(step["title"]), (_step_bar(run["began"], step),))


def _bars(writer: Mapping[str, Any], begin: float, end: float, *, users: bool) -> tuple[Bar, ...]:
    """Give the bars of a probe's lane: acknowledged, and for users the times between as outages.

    Users are not missing anything once their probe has stopped: its last attempt ends the window.
    """
    ends = [span[1] for name in ("acknowledged", "refused", "unanswered") for span in writer[name]]
    bars = [Bar(a, b, GOOD) for a, b in writer["acknowledged"] if b >= begin and a <= end]
    if users:
        last = min(end, max(ends, default=begin))
        bars += [
            # One that goes on at the end of the drawing says nothing of how long it was.
            Bar(a, b, BAD, WORDS["not_back"] if b >= last else duration(b - a), between=True)
            for a, b in between(writer["acknowledged"], begin, last)
            if b - a > writer["apart"]
        ]
    else:
        bars += [Bar(a, b, MUTED, thin=True) for a, b in writer["refused"] if b >= begin and a <= end]
        bars += [Bar(a, b, WARN, thin=True) for a, b in writer["unanswered"] if b >= begin and a <= end]
    return tuple(bars)


def _step_bar(begin: float, step: Mapping[str, Any]) -> Bar:
    """Give the bar of a step whose run began at ``begin``."""
    at = begin + step["began"]
    bad = step["stage"] in ("failed", "unknown", "started", "acted")
    return Bar(at, at + step["lasted"], BAD if bad else STEP, duration(step["lasted"]))
