"""What stands on the evidence page, from a record: every text chosen, every number written. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from drillbook.evidence.page import figures, parts, services
from drillbook.evidence.page.charts import events, focus, origin, whole
from drillbook.evidence.page.drawing import WIDTHS, draw
from drillbook.evidence.page.lanes import text
from drillbook.evidence.page.words import VERDICTS, WORDS
from drillbook.evidence.summary import clock_words
from drillbook.evidence.to_json import led
from drillbook.runbook.model import Text
from drillbook.svg import BAD, GOOD, INK, MUTED, STEP, WARN, tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from drillbook.evidence.page.drawing import Chart

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def view(record: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values of the page's template; ``record`` is a value of the newest format."""
    drill, verdict, fidelity = record["drill"], record["verdict"], record["fidelity"]
    several = services.several(record)
    each_service = [led(record, number) for number in range(len(record["services"]))]
    own = [each["objectives"]["reason"] for each in each_service]
    machine = record["machine"]
    return {
        "name": drill["name"],
        "word": VERDICTS[verdict["result"]],
        "class_": verdict["result"],
        "title": text(drill["title"]),
        "scenario": text(drill["scenario"]),
        "lead": services.lead(record) if several else figures.lead(each_service[0]),
        "when": _when(record["started"]),
        "service": ", ".join(each["service"] for each in record["services"]),
        "environment": drill["environment"],
        "reasons": [text(each) for each in verdict["reasons"]],
        "figures": [] if several else list(figures.figures(each_service[0])),
        "against": None if several else figures.compared(each_service[0]),
        "services": list(services.table(record)) if several else [],
        "left": list(services.left(record)) if several else [],
        "own_objectives": [text(reason) for reason in own if reason is not None],
        "zero": WORDS["from_fault"] if record["timeline"]["fault"] is not None else WORDS["from_run"],
        "seen": record["seen"] is not None,
        "focus": _drawn(focus(record)),
        "whole": _drawn(whole(record)),
        "legend": list(_legend(record)),
        "events": [
            {
                "number": each.number,
                "class_": each.kind,
                "at": parts.shown_at(each.at - origin(record)),
                "what": each.what,
            }
            for each in events(record)
        ],
        "parts": [
            {
                "title": text(each["service"]["title"]) if several else None,
                "loss": list(figures.loss(each)),
                "lost_by": figures.lost_by(each),
                "lost_examples": (each["measures"]["rpo_actual"] or {}).get("examples", []),
                "measures": list(figures.measures(each)),
                "resolution": list(figures.resolution(each)),
            }
            for each in each_service
        ],
        "kind": {name: text(each) for name, each in fidelity["kind"].items()},
        "real": [*(text(each) for each in fidelity["real"]), *parts.steps_real(record)],
        "stubbed": [*(text(each) for each in fidelity["stubbed"]), *parts.steps_how(record, "stubbed")],
        "skipped": [*(text(each) for each in fidelity["skipped"]), *parts.steps_how(record, "skipped")],
        "participants": [{"name": each["name"], "part": text(each["part"])} for each in record["participants"]],
        "runs": [parts.run(run, record) for run in record["runs"]],
        "steady": list(parts.steady(record)),
        "clock_moved": text(clock_words(record)),
        "evidence": list(parts.evidence(record)),
        "digest": record.get("digest"),
        "engine": record["engine"],
        "machine": ", ".join(
            [machine["kernel"], machine["architecture"], f"{machine['cores']} cores", f"{machine['memory_mb']} MB"]
        ),
        "colon": Text(": ", "："),
    }


def _when(started: str) -> Text:
    at = datetime.fromisoformat(started)
    clock = f"{at:%H:%M} UTC"
    return Text(f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {clock}", f"{at.year}年{at.month}月{at.day}日 {clock}")


def _drawn(chart: Chart | None) -> dict[str, Any] | None:
    if chart is None:
        return None
    return {name: draw(chart, width=width) for name, width in WIDTHS.items()}


def _legend(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    entries = [("legend_ack", GOOD, 10.0), ("legend_gap", BAD, 10.0)]
    if record["seen"] is not None and len(record["seen"]["writers"]) > 1:
        entries += [("legend_refused", MUTED, 3.0), ("legend_unanswered", WARN, 3.0)]
    if record["faults"]:
        entries.append(("legend_fault", WARN, 10.0))
    entries.append(("legend_step", STEP, 10.0))
    if services.several(record):
        entries.append(("legend_limit", INK, 10.0))
    for name, colour, high in entries:
        patch = tag(
            "svg", tag("rect", width=16, height=high, y=10 - high, fill=colour), width=16, height=10,
            viewBox="0 0 16 10", aria_hidden="true",
        )  # fmt: skip
        yield {"patch": patch, "said": WORDS[name]}
