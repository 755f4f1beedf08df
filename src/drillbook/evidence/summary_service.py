"""What the summary of a record says of one service; ``record`` is ``form.led`` for it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.evidence.markdown import NONE, md, shown, table
from drillbook.evidence.repeats import repeated_words

if TYPE_CHECKING:
    from collections.abc import Mapping


def lead(record: Mapping[str, Any]) -> str:
    """Say in a sentence what came of a service."""
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
    felt = later is not None and later["seconds"] > measures["notable"]
    return f", and for {later['seconds']:.3f} s on the way back" if felt else ""


def objectives(record: Mapping[str, Any]) -> list[str]:
    """Give what was measured of a service against what was wanted."""
    measures, wanted = record["measures"], record["objectives"]
    rows, base = measures["rows"], measures["baseline"]
    refusal = wanted["expected_refusal"]
    proved = measures["violations_proved"] + measures["overlaps_proved"]
    hosts = "Hosts on the address" if measures["by_address"] else "Primaries that acknowledged writes"
    found = [
        ["Outage felt by users (RTO)", NONE if refusal else f"{wanted['rto']:g} s", shown(measures["rto_actual"])],
        ["… from the fault to the trigger", NONE, shown(measures["detection"])],
        ["… from the trigger until users are served", NONE, shown(measures["execution"])],
        ["… from the first journal record until users are served", NONE,
         shown(measures["first_record_to_first_write"])],
        ["Acknowledged writes lost (RPO)", f"{wanted['rpo']:g} s",
         _lost(measures)],
        [f"{hosts} at any time",
         "1", {True: "1", False: f"2 ({proved} prove it)", None: "not known"}[measures["at_most_one_primary"]]],
        ["Longest outage on the way back", NONE if refusal else f"{wanted['rto']:g} s",
         shown(measures["longest_gap_afterwards"] and measures["longest_gap_afterwards"]["seconds"])],
        [f"Interruptions over {measures['notable']:.3g} s until the recovery", NONE,
         f"{measures['interruptions']}, {measures['interrupted']:.3f} s together"],
    ]  # fmt: skip
    if refusal is not None:
        ended = next((str(run["exit_code"]) for run in record["runs"] if run["part"] == "main"), "not run")
        found.insert(0, ["Exit code of the run", str(refusal), ended])
    lines = table(["", "objective", "measured"], found)
    if wanted["reason"] is not None:
        lines += ["", f"The objectives are this drill's own: {md(wanted['reason']['en'])}"]
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
    if (repeated := repeated_words(measures)) is not None:
        lines += ["", md(repeated.en)]
    return lines


def _lost(measures: Mapping[str, Any]) -> str:
    lost = measures["rpo_actual"]
    if not measures["keeps"]:
        return "nothing is kept for users"
    return "not known" if lost is None else f"{lost['writes']} writes, {lost['seconds']:.3f} s"
