"""The record as a page that a tired person and an auditor both understand: the verdict first. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from drillbook.evidence.form import led
from drillbook.evidence.measure import NOTABLE_NS
from drillbook.evidence.wording import duration
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_VERDICTS = {
    "met": ("MET", "达标"),
    "missed": ("MISSED", "未达标"),
    "invalid": ("INVALID", "演练无效"),
}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")
_NONE = "–"
CLOCK_MOVED = 0.5
"""Seconds between wall clock and monotonic clock from which it is said. Slewing (500 ppm) stays far below."""


def summary(record: Mapping[str, Any]) -> str:
    """Give the Markdown text of a record (the JSON value of ``record.json``)."""
    drill, verdict = record["drill"], record["verdict"]
    services = [led(record, number) for number in range(len(record["services"]))]
    english, chinese = _VERDICTS[verdict["result"]]
    lines = [
        f"# {english}: {_md(drill['title']['en'])}",
        "",
        f"**{chinese}：{_md(drill['title']['zh'])}**",
        "",
        *(part for each in services for part in (f"{_named(each)}{_lead(each)}", "")),
        *_section("Why", [_md(reason["en"]) for reason in verdict["reasons"]]),
        *_section("Not brought back", [_left(each) for each in services if each["service"]["not_back"] is not None]),
        "## Objectives and what was measured",
        "",
        *(line for each in services for line in (*_heading(each), *_objectives(each), "")),
        "## What happened",
        "",
        f"{_md(drill['scenario']['en'])}",
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
    return f"{_md(record['service']['title']['en'])}: " if len(record["services"]) > 1 else ""


def _heading(record: Mapping[str, Any]) -> list[str]:
    return [f"### {_md(record['service']['title']['en'])}", ""] if len(record["services"]) > 1 else []


def _left(record: Mapping[str, Any]) -> str:
    """Say why a service was not to come back, and when it did."""
    service, away = record["service"], record["measures"]["restored"]
    later = "" if away is None else f"; the way back brought it back after {away:.3f} s"
    return f"{_md(service['title']['en'])}: {_md(service['not_back']['en'])}{later}"


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


def _lead(record: Mapping[str, Any]) -> str:
    measures, objectives = record["measures"], record["objectives"]
    lost = measures["rpo_actual"]
    parts = []
    if objectives["expected_refusal"] is not None:
        ended = next((run["exit_code"] for run in record["runs"] if run["part"] == "main"), None)
        parts.append(
            f"The run had to refuse with exit code {objectives['expected_refusal']}; "
            + ("it was not run" if ended is None else f"it ended with {ended}")
        )
    elif measures["rto_actual"] is not None:
        parts.append(
            f"Users were without the service for **{measures['rto_actual']:.3f} s** (objective {objectives['rto']:g} s)"
            + _on_the_way_back(measures)
        )
    elif measures["outage"] is not None:
        parts.append(f"The service did not come back in {measures['outage']['seconds']:.1f} s")
    else:
        parts.append("No outage was measured")
    if not measures["keeps"]:
        parts.append("nothing is kept for users here, so nothing could be lost")
    elif lost is None:
        parts.append("how much was lost is not known")
    elif lost["writes"] == 0:
        parts.append("no acknowledged write was lost")
    else:
        parts.append(f"**{lost['writes']} acknowledged writes were lost**, over {lost['seconds']:.3f} s")
    did, does = ("answered on the address", "answer on the address") if measures["by_address"] else (
        "acknowledged writes", "acknowledge writes"
    )  # fmt: skip
    parts.append(
        {
            True: f"at no time did two hosts {does}",
            False: f"**two hosts {did} at the same time**",
            None: f"whether two hosts {did} is not known",
        }[measures["at_most_one_primary"]]
    )
    return "; ".join(parts) + "."


def _on_the_way_back(measures: Mapping[str, Any]) -> str:
    later = measures["longest_gap_afterwards"]
    felt = later is not None and later["seconds"] * 1e9 > NOTABLE_NS
    return f", and for {later['seconds']:.3f} s on the way back" if felt else ""


def _objectives(record: Mapping[str, Any]) -> list[str]:
    measures, objectives = record["measures"], record["objectives"]
    rows, base = measures["rows"], measures["baseline"]
    refusal = objectives["expected_refusal"]
    proved = measures["violations_proved"] + measures["overlaps_proved"]
    hosts = "Hosts on the address" if measures["by_address"] else "Primaries that acknowledged writes"
    table = [
        ["Outage felt by users (RTO)", _NONE if refusal else f"{objectives['rto']:g} s", _s(measures["rto_actual"])],
        ["… from the fault to the trigger", _NONE, _s(measures["detection"])],
        ["… from the trigger until users are served", _NONE, _s(measures["execution"])],
        ["… from the first journal record until users are served", _NONE, _s(measures["first_record_to_first_write"])],
        ["Acknowledged writes lost (RPO)", f"{objectives['rpo']:g} s",
         _lost(measures)],
        [f"{hosts} at any time",
         "1", {True: "1", False: f"2 ({proved} prove it)", None: "not known"}[measures["at_most_one_primary"]]],
        ["Longest outage on the way back", _NONE if refusal else f"{objectives['rto']:g} s",
         _s(measures["longest_gap_afterwards"] and measures["longest_gap_afterwards"]["seconds"])],
        ["Interruptions over 0.1 s until the recovery", _NONE,
         f"{measures['interruptions']}, {measures['interrupted']:.3f} s together"],
    ]  # fmt: skip
    if refusal is not None:
        ended = next((str(run["exit_code"]) for run in record["runs"] if run["part"] == "main"), "not run")
        table.insert(0, ["Exit code of the run", str(refusal), ended])
    lines = _table(["", "objective", "measured"], table)
    if objectives["reason"] is not None:
        lines += ["", f"The objectives are this drill's own: {_md(objectives['reason']['en'])}"]
    if base["gap"]["count"]:
        lines += [
            "",
            (
                "Before anything was wrong, users were answered within "
                f"{base['latency']['p50'] * 1000:.1f} ms (median; 99 %: {base['latency']['p99'] * 1000:.1f} ms), "
                f"and the longest time between two answers was {base['gap']['max'] * 1000:.1f} ms: "
                "nothing shorter than that can be seen."
            ),
        ]
    if rows is not None:
        lines += [
            "",
            (
                f"Writes acknowledged: {rows['acknowledged']}. Writes that are there although their answer "
                f"never came, which is allowed: {rows['unknown_survived']}."
            ),
        ]
    return lines


def _lost(measures: Mapping[str, Any]) -> str:
    lost = measures["rpo_actual"]
    if not measures["keeps"]:
        return "nothing is kept for users"
    return "not known" if lost is None else f"{lost['writes']} writes, {lost['seconds']:.3f} s"


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
    return _table(["seconds", "event"], [[f"{at:.3f}", what] for at, what in sorted(events, key=lambda each: each[0])])


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
            f"## {_md(run['runbook'])} ({run['part']}): {_md(run['result'])}, exit code {run['exit_code']}",
            "",
        ]
        if run["message"]["en"]:
            lines += [_md(run["message"]["en"]), ""]
        lines += _table(
            ["step", "on", "began after", "took"],
            [
                [step["step"], step["item"] or _NONE, f"{step['began']:.3f} s", _s(step["seconds"])]
                for step in run["steps"]
            ],
        )
        lines.append("")
        lines += _section(
            "Notes", [f"{_md(step['step'])}: {_md(note)}" for step in run["steps"] for note in step["notes"]]
        )
    return lines


def _checks(record: Mapping[str, Any]) -> list[str]:
    def shown(checks: Iterable[Mapping[str, Any]]) -> list[str]:
        return [
            f"{'held' if check['held'] else '**did not hold**'}: {_md(check['text']['en'])}"
            + ("" if check["held"] else f" ({_md(check['detail']['en'])})")
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
            f"step {_md(each['step'])} of {_md(runbooks[each['run']])}: {_md(each['why']['en'])}"
            for each in fidelity["steps"]
            if each["how"] == how
        ]
        for how in ("stubbed", "skipped")
    }
    runs = [
        f"{run['journal']['file']}: {run['journal']['records']} records, `{run['journal']['digest']}`, "
        f"plan {_md(run['plan_file'] or '')} `{run['plan']}`".replace("  ", " ")
        for run in record["runs"]
    ]
    samples = [
        f"samples of {_md(each['writer'])} ({_md(each['from'])} to {_md(each['to'])}): {each['attempts']} attempts, "
        f"`{each['digest']}`"
        for each in record["samples"]
    ]
    clocks = [
        f"clock of {_md(host)}: {clock['offset_ns'] / 1e6:+.3f} ms, known to {clock['uncertainty_ns'] / 1e6:.3f} ms "
        f"({_md(clock['method'])})"
        for host, clock in record["clocks"].items()
    ]
    people = [f"{_md(each['name'])}: {_md(each['part']['en'])}" for each in record["participants"]]
    return [
        *_section("Who took part", people),
        *_section(
            f"How real it was: {_md(kind['label']['en'])} (NIST SP 800-34)",
            [_md(kind["means"]["en"]), _md(kind["limits"]["en"])],
        ),
        *_section("Real", [_md(each["en"]) for each in fidelity["real"]]),
        *_section("Stood in for something else", [_md(each["en"]) for each in fidelity["stubbed"]] + named["stubbed"]),
        *_section("Left out", [_md(each["en"]) for each in fidelity["skipped"]] + named["skipped"]),
        *_section(
            "Evidence",
            [
                (
                    f"drill {_md(drill['file'])} `{drill['digest']}`, environment {_md(drill['environment'])}, "
                    f"{record['started']} to {record['ended']}"
                ),
                *([_md(moved)] if (moved := clock_words(record)["en"]) else []),
                *runs,
                *samples,
                *clocks,
                (
                    f"drillbook {_md(record['engine'])} on {_md(machine['kernel'])}, {machine['architecture']}, "
                    f"{machine['cores']} cores, {machine['memory_mb']} MB"
                ),
            ],
        ),
    ]  # fmt: skip


def _section(title: str, entries: Iterable[str]) -> list[str]:
    lines = [f"- {entry}" for entry in entries]
    return [f"## {title}", "", *lines, ""] if lines else []


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(_md(cell) for cell in row)} |" for row in rows),
    ]


def _s(seconds: float | None) -> str:
    return _NONE if seconds is None else f"{seconds:.3f} s"


def _md(text: str) -> str:
    """Make text from elsewhere harmless: one line, nothing that Markdown would take for its own."""
    return _SPECIAL.sub(r"\\\1", visible(str(text), limit=2000))
