"""The record as a page that a tired person and an auditor both understand: the verdict first. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.evidence.left import why_not_done
from drillbook.evidence.markdown import NONE, md, shown, table
from drillbook.evidence.summary_service import lead, objectives
from drillbook.evidence.to_json import led
from drillbook.evidence.wording import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VERDICTS = {
    "met": ("MET", "达标"),
    "missed": ("MISSED", "未达标"),
    "invalid": ("INVALID", "演练无效"),
}
CLOCK_MOVED = 0.5
"""Seconds between wall clock and monotonic clock from which it is said. Slewing (500 ppm) stays far below."""


def summary(record: Mapping[str, Any]) -> str:
    """Give the Markdown text of a record (the JSON value of ``record.json``)."""
    drill, verdict = record["drill"], record["verdict"]
    services = [led(record, number) for number in range(len(record["services"]))]
    english, chinese = _VERDICTS[verdict["result"]]
    lines = [
        f"# {english}: {md(drill['title']['en'])}",
        "",
        f"**{chinese}：{md(drill['title']['zh'])}**",
        "",
        *(part for each in services for part in (f"{_named(each)}{lead(each)}", "")),
        *_section("Why", [md(reason["en"]) for reason in verdict["reasons"]]),
        *_section("Not brought back", [said for each in services if (said := _left(each))]),
        "## Objectives and what was measured",
        "",
        *(line for each in services for line in (*_heading(each), *objectives(each), "")),
        "## What happened",
        "",
        f"{md(drill['scenario']['en'])}",
        "",
        *_events(record),
        "",
        *_steps(record),
        *_checks(record),
        *_evidence(record),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _named(record: Mapping[str, Any]) -> str:
    """Give the name of the service, when it is one of several."""
    return f"{md(record['service']['title']['en'])}: " if len(record["services"]) > 1 else ""


def _heading(record: Mapping[str, Any]) -> list[str]:
    return [f"### {md(record['service']['title']['en'])}", ""] if len(record["services"]) > 1 else []


def _left(record: Mapping[str, Any]) -> str:
    """Say why a service was not to come back, or was and did not, and when it did; "" for one that is back."""
    service, away = record["service"], record["measures"]["restored"]
    why = service["not_back"]
    if why is None and (cause := why_not_done(record, service)) is not None:
        why = {"en": f"it was to come back, and did not, since {cause.en}"}
    if why is None:
        return ""
    later = "" if away is None else f"; the way back brought it back after {away:.3f} s"
    return f"{md(service['title']['en'])}: {md(why['en'])}{later}"


def clock_words(record: Mapping[str, Any]) -> dict[str, str]:
    """Say that the wall clock was set while the drill went on; empty when it was not, or nobody knows."""
    moved = record["clock_moved"]
    if moved is None or abs(moved) < CLOCK_MOVED:
        return {"en": "", "zh": ""}
    by = duration(abs(moved))
    return {
        "en": f"the wall clock was set {'forward' if moved > 0 else 'back'} by {by.en} during the drill; "
        "durations are not affected: they come from a clock that nobody can set",
        "zh": f"演练期间系统时钟被{'拨快' if moved > 0 else '拨慢'} {by.zh}；各项时长不受影响：取自无法设置的单调时钟",
    }


def _events(record: Mapping[str, Any]) -> list[str]:
    moments = record["timeline"]
    events: list[tuple[float, str]] = [
        (fault["effective"], fault["description"]["en"] + ("" if fault["verified"] else " (not seen to take effect)"))
        for fault in record["faults"]
    ]
    events += [
        (fault["healed"], f"the fault '{fault['kind']}' on {fault['item']} is healed")
        for fault in record["faults"]
        if fault["healed"] is not None
    ]
    named = [
        (0.0, "the probes are steady"),
        (moments["trigger"], f"trigger: {record['trigger']['en']}"),
        (moments["run"], "the run begins (first journal record)"),
        (moments["run_ended"], "the run ends"),
        *(each for service in record["services"] for each in _served(service, alone=len(record["services"]) == 1)),
        (moments["recovered"], "the recovery is measured up to here"),
        (moments["end"], "the probes are stopped"),
    ]
    events += [(at, what) for at, what in named if at is not None]
    return table(["seconds", "event"], [[f"{at:.3f}", what] for at, what in sorted(events, key=lambda each: each[0])])


def _served(service: Mapping[str, Any], *, alone: bool) -> list[tuple[float | None, str]]:
    outage = service["measures"]["outage"]
    of = "" if alone else f" of {service['title']['en']}"
    if outage is None:
        return []
    return [
        (outage["start"], f"users{of} are served for the last time before the outage"),
        (outage["end"], f"users{of} are served again"),
    ]


def _steps(record: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for run in record["runs"]:
        lines += [
            f"## {md(run['runbook'])} ({run['part']}): {md(run['result'])}, exit code {run['exit_code']}",
            "",
        ]
        if run["message"]["en"]:
            lines += [md(run["message"]["en"]), ""]
        lines += table(
            ["step", "on", "began after", "took"],
            [
                [step["step"], step["item"] or NONE, f"{step['began']:.3f} s", shown(step["seconds"])]
                for step in run["steps"]
            ],
        )
        lines.append("")
        lines += _section(
            "Notes", [f"{md(step['step'])}: {md(note)}" for step in run["steps"] for note in step["notes"]]
        )
    return lines


def _checks(record: Mapping[str, Any]) -> list[str]:
    def shown(checks: Iterable[Mapping[str, Any]]) -> list[str]:
        return [
            f"{'held' if check['held'] else '**did not hold**'}: {md(check['text']['en'])}"
            + ("" if check["held"] else f" ({md(check['detail']['en'])})")
            for check in checks
        ]

    return [
        *_section("Steady state before", shown(record["steady_before"])),
        *_section("Steady state afterwards", shown(record["steady_after"])),
    ]


def _evidence(record: Mapping[str, Any]) -> list[str]:
    fidelity, machine = record["fidelity"], record["machine"]
    drill, kind = record["drill"], fidelity["kind"]
    runbooks = {run["run"]: run["runbook"] for run in record["runs"]}
    named = {
        how: [
            f"step {md(each['step'])} of {md(runbooks[each['run']])}: {md(each['why']['en'])}"
            for each in fidelity["steps"]
            if each["how"] == how
        ]
        for how in ("stubbed", "skipped")
    }
    runs = [
        f"{run['journal']['file']}: {run['journal']['records']} records, `{run['journal']['digest']}`, "
        f"plan {md(run['plan_file'] or '')} `{run['plan']}`".replace("  ", " ")
        for run in record["runs"]
    ]
    samples = [
        f"samples of {md(each['writer'])} ({md(each['from'])} to {md(each['to'])}): {each['attempts']} attempts, "
        f"`{each['digest']}`"
        for each in record["samples"]
    ]
    clocks = [
        f"clock of {md(host)}: {clock['offset_ns'] / 1e6:+.3f} ms, known to {clock['uncertainty_ns'] / 1e6:.3f} ms "
        f"({md(clock['method'])})"
        for host, clock in record["clocks"].items()
    ]
    people = [f"{md(each['name'])}: {md(each['part']['en'])}" for each in record["participants"]]
    return [
        *_section("Who took part", people),
        *_section(
            f"How real it was: {md(kind['label']['en'])} (NIST SP 800-34)",
            [md(kind["means"]["en"]), md(kind["limits"]["en"])],
        ),
        *_section("Real", [md(each["en"]) for each in fidelity["real"]]),
        *_section("Stood in for something else", [md(each["en"]) for each in fidelity["stubbed"]] + named["stubbed"]),
        *_section("Left out", [md(each["en"]) for each in fidelity["skipped"]] + named["skipped"]),
        *_section(
            "Evidence",
            [
                (
                    f"drill {md(drill['file'])} `{drill['digest']}`, environment {md(drill['environment'])}, "
                    f"{record['started']} to {record['ended']}"
                ),
                *([md(moved)] if (moved := clock_words(record)["en"]) else []),
                *runs,
                *samples,
                *clocks,
                (
                    f"drillbook {md(record['engine'])} on {md(machine['kernel'])}, {machine['architecture']}, "
                    f"{machine['cores']} cores, {machine['memory_mb']} MB"
                ),
            ],
        ),
    ]  # fmt: skip


def _section(title: str, entries: Iterable[str]) -> list[str]:
    lines = [f"- {entry}" for entry in entries]
    return [f"## {title}", "", *lines, ""] if lines else []
