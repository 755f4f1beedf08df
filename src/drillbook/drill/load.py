"""Drills from their files: read, held against the schema, then against the CMDB and the runbooks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drillbook.canonical import digest
from drillbook.cmdb.durations import seconds
from drillbook.drill.kinds import KINDS
from drillbook.drill.model import (
    AtOnce,
    Drill,
    DrillKind,
    FaultSpec,
    OtherObjectives,
    PersonDecides,
    ProbeDown,
    ProbeSpec,
    RunbookCall,
    ServiceSpec,
    SteadyState,
    Trigger,
)
from drillbook.errors import ExitCode, Finding, InvalidInput, UsageError
from drillbook.evidence.verdict import Expectation
from drillbook.runbook.model import CheckCall, Text
from drillbook.schema import findings_of, hostile_findings, read_schema
from drillbook.schema_words import nearest
from drillbook.source import Map, Seq, plain, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "drills"
_FAULT_FIELDS = frozenset({"kind", "on", "room", "after", "for"})


@cache
def schema() -> dict[str, Any]:
    """Give the JSON Schema of a drill; it must not be changed."""
    return read_schema(Path(__file__).with_name("schema.json"))


def drill_files(root: Path) -> dict[str, Path]:
    """Give the files of an estate's drills by the name that they carry, sorted."""
    return {path.stem: path for path in sorted((root / FOLDER).glob("*.yaml"))}


def read_drills(root: Path) -> tuple[list[Drill], list[Finding]]:
    """Load every drill of the estate at ``root``, sorted by name; give those that can be read, and all findings."""
    found: list[Drill] = []
    findings: list[Finding] = []
    for path in drill_files(root).values():
        try:
            found.append(load_drill(path))
        except InvalidInput as error:
            findings += error.findings
    return found, findings


def list_drills(root: Path) -> list[Drill]:
    """Do the same for drills that all must be readable. Raises InvalidInput with the findings of all files."""
    found, findings = read_drills(root)
    if findings:
        raise InvalidInput(findings)
    return found


def find_drill(root: Path, name: str) -> Drill:
    """Load a drill by its name. Raises UsageError that names the nearest ones, InvalidInput."""
    known = drill_files(root)
    if name not in known:
        near = nearest(name, list(known)) if known else f"there are none in {FOLDER}/"
        raise UsageError(f"there is no drill '{name[:80]}'", remedy=near)
    return load_drill(known[name])


def load_drill(path: Path) -> Drill:
    """Load one drill: a file in the ``drills`` folder of an estate. Raises InvalidInput with its findings."""
    name = f"{FOLDER}/{path.name}"
    document = read_yaml(path, shown_as=name)
    findings = [*hostile_findings(document, name), *findings_of(schema(), document, name)]
    if findings:
        raise InvalidInput(findings)
    if "services" in document and "objectives" in document:
        raise InvalidInput.at(
            name, document.line_of("objectives"), "drill-objectives",
            "a drill about several services has no objectives of its own; give them to the service that they are for",
        )  # fmt: skip
    if document["drill"] != path.stem:
        raise InvalidInput.at(
            name, document.line_of("drill"), "file-name",
            f"the drill is called '{document['drill']}' and its file '{path.name}'; call both the same",
        )  # fmt: skip
    return _drill(document, name)


def _text(value: Mapping[str, str]) -> Text:
    return Text(en=value["en"], zh=value["zh"])


def _parameters(value: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(each) for name, each in (value or {}).items()}


def _calls(value: Seq | None) -> tuple[RunbookCall, ...]:
    return tuple(RunbookCall(each["runbook"], _parameters(each.get("parameters")), each.line) for each in value or ())


def _steady(value: Map) -> SteadyState:
    check = value["check"]
    return SteadyState(
        _text(value["text"]),
        value.get("protection"),
        CheckCall(
            file=check["file"],
            function=check["function"],
            on=check["on"],
            arguments=plain(check.get("arguments", {})),
            line=check.line,
        ),
    )


def _probe(value: Map) -> ProbeSpec:
    return ProbeSpec(
        id=value["id"],
        kind=value["kind"],
        source=value["from"],
        target=value["to"],
        protection=value.get("protection"),
        every=seconds(value["every"]),
        give_up=seconds(value["give_up"]) if "give_up" in value else KINDS[value["kind"]].give_up,
        line=value.line,
    )


def _fault(value: Map) -> FaultSpec:
    on = value.get("on", ())
    return FaultSpec(
        kind=value["kind"],
        on=(on,) if isinstance(on, str) else tuple(on),
        room=value.get("room"),
        after=seconds(value["after"]),
        lasts=seconds(value["for"]) if "for" in value else None,
        options={name: plain(each) for name, each in value.items() if name not in _FAULT_FIELDS},
        line=value.line,
    )


def _trigger(value: Map) -> Trigger:
    if "probe" in value:
        return ProbeDown(value["probe"], seconds(value["down_for"]))
    if "person" in value:
        return PersonDecides(_text(value["person"]))
    return AtOnce()


def _objectives(value: Map | None) -> OtherObjectives | None:
    if value is None:
        return None
    return OtherObjectives(
        rto=seconds(value["rto"]) if "rto" in value else None,
        rpo=seconds(value["rpo"]) if "rpo" in value else None,
        reason=_text(value["reason"]),
    )


def _services(document: Map) -> tuple[ServiceSpec, ...]:
    if "services" not in document:
        objectives = _objectives(document.get("objectives"))
        return (ServiceSpec(document["service"], None, None, objectives, document.line_of("service")),)
    return tuple(
        ServiceSpec(
            service=each["service"],
            protection=each["protection"],
            not_back=_text(each["reason"]) if each.get("expect") == "not_back" else None,
            objectives=_objectives(each.get("objectives")),
            line=each.line,
        )
        for each in document["services"]
    )


def _drill(document: Map, file: str) -> Drill:
    expect = document.get("expect", {}).get("refused")
    return Drill(
        name=document["drill"],
        title=_text(document["title"]),
        kind=DrillKind(document["kind"]),
        services=_services(document),
        environment=document["environment"],
        scenario=_text(document["scenario"]),
        call=RunbookCall(document["runbook"], _parameters(document.get("parameters")), document.line_of("runbook")),
        before=_calls(document.get("before")),
        afterwards=_calls(document.get("afterwards")),
        steady_state=tuple(_steady(each) for each in document["steady_state"]),
        probes=tuple(_probe(each) for each in document["probes"]),
        faults=tuple(sorted((_fault(each) for each in document.get("faults", ())), key=lambda each: each.after)),
        trigger=_trigger(document["trigger"]),
        expectation=Expectation(next((code for code in ExitCode if code == expect), None)),
        timeout=seconds(document["timeout"]),
        file=file,
        line=document.line_of("drill"),
        digest=digest(plain(document)),
    )
