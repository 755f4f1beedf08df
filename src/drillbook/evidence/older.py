"""Records of format 1, told in the shape of format 2. Pure.

Format 1 had texts in English alone, no plans, and nothing of what the probes saw but the measures. What it
did not have is empty or None here; nothing is made up, but for the words that belong to the kind of a drill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.evidence.form import FORMAT, kind_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def upgraded(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give a valid value of format 1 in format 2's shape; English stands where there is no Chinese."""
    fidelity, verdict = value["fidelity"], value["verdict"]
    return {
        **value,
        "format": FORMAT,
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
