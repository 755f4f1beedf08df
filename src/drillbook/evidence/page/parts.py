"""The parts of the evidence page that say how the drill was made: runs, fidelity, steady state, evidence. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.errors import ExitCode
from drillbook.evidence.page.figures import NONE
from drillbook.evidence.page.lanes import text
from drillbook.evidence.page.words import PARTS, RESULTS, STAGES, WORDS
from drillbook.evidence.wording import count, duration, meaning, same
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def shown_at(seconds: float) -> Text:
    """Give a moment, counted from another: ``+1.00 s``, ``−3.02 s``."""
    shown = f"{abs(seconds):.2f}"
    sign = "" if shown == "0.00" else "−" if seconds < 0 else "+"
    return Text(f"{sign}{shown} s", f"{sign}{shown} 秒")


def _runbooks(record: Mapping[str, Any]) -> dict[str, str]:
    return {run["run"]: run["runbook"] for run in record["runs"]}


def steps_real(record: Mapping[str, Any]) -> Iterator[Text]:
    """Say how many steps were real."""
    number = sum(each["how"] == "real" for each in record["fidelity"]["steps"])
    if number:
        whole_ = len(record["fidelity"]["steps"])
        yield Text(
            f"{number} of {whole_} steps were the very actions that production would get",
            f"{whole_} 个步骤中有 {number} 个的操作与生产环境完全相同",
        )


def steps_how(record: Mapping[str, Any], how: str) -> Iterator[Text]:
    """Name each step that was ``stubbed`` or ``skipped``, and say why."""
    runbooks = _runbooks(record)
    for each in record["fidelity"]["steps"]:
        if each["how"] == how:
            step, why = f"{runbooks[each['run']]} / {each['step']}", text(each["why"] or {"en": "–", "zh": "–"})
            yield Text(f"{step}: {why.en}", f"{step}：{why.zh}")


def run(run: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Give a run with all steps of its plan."""
    began = {step["step"]: step for step in run["steps"]}
    planned = [each for each in record["fidelity"]["steps"] if each["run"] == run["run"]]
    if not planned:
        planned = [{**step, "how": "real", "why": None} for step in run["steps"]]
    codes = {int(code) for code in ExitCode}
    return {
        "part": PARTS[run["part"]],
        "title": text(run["title"]),
        "id": run["run"],
        "runbook": run["runbook"],
        "parameters": sorted(run["parameters"].items()),
        "result": RESULTS.get(run["result"], same(run["result"])),
        "exit_code": run["exit_code"],
        "meaning": meaning(ExitCode(run["exit_code"])) if run["exit_code"] in codes else NONE,
        "message": text(run["message"]),
        "steps": [_step(each, began.get(each["step"])) for each in planned],
    }


def _step(planned: Mapping[str, Any], begun: Mapping[str, Any] | None) -> dict[str, Any]:
    stage = "pending" if begun is None else begun["stage"]
    return {
        "id": planned["step"],
        "title": text(planned["title"]),
        "item": planned["item"] or "–",
        "began": NONE if begun is None else shown_at(begun["began"]),
        "took": NONE if begun is None or begun["seconds"] is None else duration(begun["seconds"]),
        "notes": [] if begun is None else [same(note) for note in begun["notes"]],
        "stage": STAGES[stage],
        "class_": {"done": "good", "pending": "muted", "undone": "muted"}.get(stage, "bad"),
        "why": None if planned["why"] is None else text(planned["why"]),
    }


def steady(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the checks of the steady state, before and afterwards side by side."""
    after = {each["text"]["en"]: each for each in record["steady_after"]}
    for check in record["steady_before"]:
        both = (check, after.get(check["text"]["en"]))
        yield {
            "text": text(check["text"]),
            "before": _held(both[0]),
            "after": _held(both[1]),
            "details": [text(each["detail"]) for each in both if each is not None and not each["held"]],
        }


def _held(check: Mapping[str, Any] | None) -> dict[str, Any]:
    if check is None:
        return {"said": WORDS["not_checked"], "class_": "muted"}
    return {"said": WORDS["held" if check["held"] else "not_held"], "class_": "good" if check["held"] else "bad"}


def evidence(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give everything that the record cites, with its digest."""
    drill = record["drill"]
    both = Text(f"{record['started']} to {record['ended']}", f"{record['started']} 至 {record['ended']}")
    yield {"name": WORDS["time"], "about": both, "digest": None}
    yield {"name": WORDS["drill_file"], "about": same(drill["file"]), "digest": drill["digest"]}
    for run in record["runs"]:
        journal = run["journal"]
        number = count(journal["records"], "record", "records", "条记录")
        about = Text(f"{journal['file']}, {number.en}", f"{journal['file']}，{number.zh}")
        yield {"name": WORDS["journal"], "about": about, "digest": journal["digest"]}
        yield {"name": WORDS["journal_head"], "about": same(run["run"]), "digest": journal["head"]}
        yield {"name": WORDS["plan_digest"], "about": same(run["plan_file"] or run["runbook"]), "digest": run["plan"]}
    for each in record["samples"]:
        number = count(each["attempts"], "attempt", "attempts", "次尝试")
        about = Text(
            f"{each['writer']} ({each['from']} to {each['to']}), {number.en}",
            f"{each['writer']}（{each['from']} 至 {each['to']}），{number.zh}",
        )
        yield {"name": WORDS["samples"], "about": about, "digest": each["digest"]}
    for host, clock in record["clocks"].items():
        stands = (
            f"{host}: {clock['offset_ns'] / 1e6:+.3f} ms ± {clock['uncertainty_ns'] / 1e6:.3f} ms, {clock['method']}"
        )
        yield {"name": WORDS["clock"], "about": same(stands), "digest": None}
