"""A document that the schema has accepted as a ``Runbook``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.canonical import digest
from drillbook.cmdb.durations import seconds
from drillbook.runbook.model import (
    Action,
    ByHand,
    Check,
    CheckCall,
    Fence,
    Kind,
    Manual,
    Parameter,
    Playbook,
    Power,
    Repeat,
    Role,
    Run,
    Runbook,
    Slot,
    Step,
    SubRunbook,
    Text,
    Undo,
    Verb,
    Wait,
)
from drillbook.source import Map, Seq, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

WAIT_INTERVAL = 0.1
"""Seconds between two looks of a ``wait`` that names no interval."""


def runbook_from(document: Map, file: str) -> Runbook:
    """Build the runbook of a document that ``schema.json`` accepts; ``file`` is its name in findings."""
    return Runbook(
        id=document["runbook"],
        title=_text(document["title"]),
        kind=Kind(document["kind"]),
        signs=tuple(_text(each) for each in document["signs"]),
        parameters={
            name: _parameter(name, value, document["parameters"].line_of(name))
            for name, value in document.get("parameters", {}).items()
        },
        protection=document.get("protection"),
        roles={
            name: _role(name, value, document["roles"].line_of(name))
            for name, value in document.get("roles", {}).items()
        },
        assumptions=tuple(
            (_text(each["text"]), check_from(each["check"], None)) for each in document.get("assumptions", ())
        ),
        slots={
            name: Slot(name, _text(value["text"]), check_from(value["choose"], None), document["slots"].line_of(name))
            for name, value in document.get("slots", {}).items()
        },
        steps=tuple(_step(each) for each in document["steps"]),
        file=file,
        line=document.line_of("runbook"),
        digest=digest(plain(document)),
    )


def _text(value: Mapping[str, str]) -> Text:
    return Text(en=value["en"], zh=value["zh"])


def _typed(value: str | Mapping[str, str]) -> str | Text:
    return value if isinstance(value, str) else _text(value)


def _parameter(name: str, value: Map, line: int) -> Parameter:
    default = value.get("default")
    return Parameter(
        name=name,
        type=value["type"],
        description=_text(value["description"]),
        default=None if default is None else str(default),
        choices=tuple(value.get("choices", ())),
        line=line,
    )


def _role(name: str, value: Map, line: int) -> Role:
    return Role(
        name=name,
        item=value.get("item"),
        other_than=value.get("other_than"),
        reachable=value.get("reachable", True),
        line=line,
    )


def check_from(value: Map, on: str | None) -> CheckCall:
    """Build a call of a check from its mapping.

    ``on`` is the role that counts when the mapping names none; with neither the call's ``on`` is
    empty, which a rule finds.
    """
    return CheckCall(
        file=value["file"],
        function=value["function"],
        on=value.get("on") or on or "",
        arguments=plain(value.get("arguments", {})),
        line=value.line,
    )


def _run(value: Map) -> Run:
    return Run(
        argv=tuple(str(each) for each in value.get("argv", ())),
        script=value.get("script", ""),
        values=tuple(str(each) for each in value.get("values", ())),
        sql=value.get("sql", ""),
        variables={name: str(each) for name, each in value.get("variables", {}).items()},
        database=value.get("database", ""),
        user=value.get("user") or ("postgres" if "sql" in value else "root"),
    )


def _playbook(value: Map) -> Playbook:
    return Playbook(file=value["file"], variables=plain(value.get("variables", {})))


def _undo(value: Any) -> Undo:
    if value is None or value == "nothing":
        return Undo(nothing=True)
    if "irreversible" in value:
        return Undo(irreversible=_text(value["irreversible"]))
    return Undo(action=_run(value["run"]) if "run" in value else _playbook(value["playbook"]))


def _action(step: Map) -> Action:
    on = step.get("on")
    if "run" in step:
        return _run(step["run"])
    if "playbook" in step:
        return _playbook(step["playbook"])
    if "check" in step:
        return Check(check_from(step["check"], on))
    if "wait" in step:
        wait = step["wait"]
        return Wait(check_from(wait, on), seconds(wait["interval"]) if "interval" in wait else WAIT_INTERVAL)
    if "manual" in step:
        return Manual(_text(step["manual"]))
    if "fence" in step:
        fence = step["fence"]
        return Fence(tuple(fence["witnesses"]), tuple(str(each) for each in fence["silent_ports"]))
    if "power" in step:
        return Power(step["power"])
    called = step["runbook"]
    return SubRunbook(
        called["id"],
        {name: str(value) for name, value in called.get("parameters", {}).items()},
        independent=called.get("independent", False),
        after=tuple(called.get("after", ())),
    )


def _step(step: Map) -> Step:
    action = _action(step)
    on = step.get("on")
    if on is None and isinstance(action, Check | Wait):
        on = action.call.on or None
    hands = step.get("by_hand", Seq("", step.line))
    return Step(
        id=step["id"],
        title=_text(step["title"]),
        verb=Verb(step["verb"]),
        on=on,
        action=action,
        verify=tuple(check_from(each, on) for each in step.get("verify", ())),
        undo=_undo(step.get("undo")),
        timeout=seconds(step["timeout"]) if "timeout" in step else 0.0,
        repeat=Repeat(step.get("repeat", "safe")),
        by_hand=tuple(
            ByHand(do=_typed(each["do"]), see=_text(each["see"]), on=each.get("on"), line=each.line) for each in hands
        ),
        line=step.line,
    )
