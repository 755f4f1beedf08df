"""Records of older formats, told in the shape of the newest. Pure.

Format 1 had texts in English alone, no plans, and nothing of what the probes saw but the measures. Format 2 knew one
service a drill, whose probes were clients of PostgreSQL. What they did not have is empty or None here; nothing is made
up, but for the words that belong to the kind of a drill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.evidence.to_json import FORMAT, kind_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


_KIND = "postgresql_writer"
"""The only kind of probe that there was."""
_NOTABLE = 0.1
"""Seconds without an acknowledged write that counted as an interruption, whatever the pace."""


def upgraded(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give a valid value of an older format in the newest one's shape; English stands where there is no Chinese."""
    return _from_2(_from_1(value) if value["format"] == 1 else value)


def _from_2(value: Mapping[str, Any]) -> dict[str, Any]:
    drill, wanted, seen = value["drill"], value["objectives"], value["seen"]
    users = seen["latency"]["writer"] if seen is not None and seen["latency"] is not None else None
    moved = {"objectives", "measures", "rows", "drill"}
    return {
        **{name: each for name, each in value.items() if name not in moved},
        "format": FORMAT,
        "drill": {name: each for name, each in drill.items() if name not in ("service", "hosts")},
        "expected_refusal": wanted["expected_refusal"],
        "services": [
            {
                "service": drill["service"],
                "title": _text(drill["service"]),
                "protection": None,
                "hosts": drill["hosts"],
                "probes": [each["writer"] for each in value["samples"]],
                "users": users,
                "not_back": None,
                "objectives": {name: wanted[name] for name in ("rto", "rpo", "reason")},
                "result": value["verdict"]["result"],
                "reasons": value["verdict"]["reasons"],
                "measures": {
                    **value["measures"],
                    "restored": None,
                    "keeps": True,
                    "notable": _NOTABLE,
                    "by_address": False,
                    "answers": {},
                    "overlaps": [],
                    "overlaps_proved": 0,
                },
                "rows": value["rows"],
            }
        ],
        "seen": None if seen is None else {**seen, "writers": [{**each, "does": "writes"} for each in seen["writers"]]},
        "samples": [{**each, "kind": _KIND} for each in value["samples"]],
        "runs": [{**run, "steps": [{**step, "notes": []} for step in run["steps"]]} for run in value["runs"]],
    }


def _from_1(value: Mapping[str, Any]) -> dict[str, Any]:
    fidelity, verdict = value["fidelity"], value["verdict"]
    return {
        **value,
        "elapsed": None,
        "clock_moved": None,
        "report": None,
        "seen": None,
        "trigger": _text(value["trigger"]),
        "verdict": {**verdict, "reasons": _texts(verdict["reasons"])},
        "steady_before": [_check(each) for each in value["steady_before"]],
        "steady_after": [_check(each) for each in value["steady_after"]],
        "faults": [
            {**each, "description": _text(each["description"]), "detail": _text(each["detail"])}
            for each in value["faults"]
        ],
        "runs": [_run(each, value) for each in value["runs"]],
        "participants": [{"name": each["name"], "part": _text(each["part"])} for each in value["participants"]],
        "fidelity": {
            "kind": kind_words(value["drill"]["kind"]),
            "real": _texts(fidelity["real"]),
            "stubbed": _texts(fidelity["stubbed"]),
            "skipped": _texts(fidelity["skipped"]),
            "steps": [],
        },
    }


def _run(run: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **run,
        "title": _text(run["runbook"]),
        "plan_file": None,
        "began": value["timeline"]["run"] if run["part"] == "main" else None,
        "message": _text(run["message"]),
        "steps": [
            {
                **step,
                "title": _text(step["step"]),
                "stage": "unknown" if step["seconds"] is None else "done",
                "lasted": step["seconds"] or 0.0,
            }
            for step in run["steps"]
        ],
    }


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    return {**check, "text": _text(check["text"]), "detail": _text(check["detail"])}


def _texts(sentences: Iterable[str]) -> list[dict[str, str]]:
    return [_text(each) for each in sentences]


def _text(sentence: str) -> dict[str, str]:
    return {"en": sentence, "zh": sentence}
