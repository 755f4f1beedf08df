"""A plan from its JSON value, as ``Plan.to_json`` makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.plan.model import (
    ACTIONS,
    Assumption,
    Command,
    FenceRun,
    Hand,
    ManualStep,
    Plan,
    PlannedPart,
    PlannedSlot,
    PlannedStep,
    PlannedUndo,
    PowerControl,
    SlotUse,
    Target,
    WaitRun,
)
from drillbook.runbook.model import Kind, Repeat, Text, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping


def _text(value: Mapping[str, Any] | None) -> Text | None:
    return Text(**value) if value else None


def _action(value: Mapping[str, Any]) -> Any:
    body = {key: item for key, item in value.items() if key != "type"}
    match value["type"]:
        case "run":
            argv = tuple(each if isinstance(each, str) else SlotUse(**each) for each in body["argv"])
            return Command(argv=argv, stdin=body["stdin"], user=body["user"])
        case "wait":
            return WaitRun(check=_action(body["check"]), interval=body["interval"])
        case "manual":
            return ManualStep(instruction=Text(**body["instruction"]))
        case "fence":
            return FenceRun(item=body["item"], witnesses=tuple(body["witnesses"]), ports=tuple(body["ports"]))
        case other:
            return ACTIONS[other](**body)


def _step(value: Mapping[str, Any]) -> PlannedStep:
    undo = value["undo"]
    return PlannedStep(
        id=value["id"],
        title=Text(**value["title"]),
        verb=Verb(value["verb"]),
        item=value["item"],
        action=_action(value["action"]),
        verify=tuple(_action(check) for check in value["verify"]),
        undo=PlannedUndo(
            action=_action(undo["action"]) if undo["action"] else None,
            irreversible=_text(undo["irreversible"]),
        ),
        timeout=value["timeout"],
        repeat=Repeat(value["repeat"]),
        by_hand=tuple(
            Hand(
                item=hand["item"],
                do=hand["do"] if isinstance(hand["do"], str) else Text(**hand["do"]),
                see=Text(**hand["see"]),
            )
            for hand in value["by_hand"]
        ),
    )


def _part(value: Mapping[str, Any]) -> PlannedPart:
    lists = {name: tuple(value[name]) for name in ("after", "reachable", "locks", "services")}
    return PlannedPart(**{**value, "title": Text(**value["title"]), **lists})


def plan_from_json(value: Mapping[str, Any]) -> Plan:
    """Give the plan of a JSON value made by ``Plan.to_json``. Raises KeyError or TypeError otherwise."""
    return Plan(
        runbook=value["runbook"],
        title=Text(**value["title"]),
        kind=Kind(value["kind"]),
        runbook_digest=value["runbook_digest"],
        environment=value["environment"],
        parameters=value["parameters"],
        protection=value["protection"],
        roles=value["roles"],
        targets={
            item: Target(**{**target, "power": PowerControl(**target["power"])})
            for item, target in value["targets"].items()
        },
        reachable=tuple(value["reachable"]),
        locks=tuple(value["locks"]),
        services=tuple(value["services"]),
        assumptions=tuple(
            Assumption(text=Text(**each["text"]), check=_action(each["check"])) for each in value["assumptions"]
        ),
        steps=tuple(_step(step) for step in value["steps"]),
        artifacts_digest=value["artifacts_digest"],
        cmdb_slice=value["cmdb_slice"],
        engine=value["engine"],
        slots=tuple(
            PlannedSlot(name=each["name"], text=Text(**each["text"]), check=_action(each["check"]))
            for each in value.get("slots", ())
        ),
        parts=tuple(_part(each) for each in value.get("parts", ())),
    )
