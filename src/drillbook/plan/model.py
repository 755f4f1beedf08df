"""The frozen plan: everything that will run, with nothing left to look up.

A plan is a JSON value (``to_json``/``from_json`` are inverse) and its digest is over that value's
canonical bytes. What a person is shown, signs and what runs are made from the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from drillbook.canonical import digest
from drillbook.runbook.model import Kind, Repeat, Text, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class PowerControl:
    """How a host is switched off from outside it.

    ``kind``: ``lab`` | ``redfish`` | ``ipmi`` | ``none``. ``settings``: what the driver needs (never
    a secret: ``secret_file`` names where the password is).
    """

    kind: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """A host as the plan sees it: where it is reached and how it is switched off."""

    item: str
    address: str
    ssh_port: int
    ssh_user: str
    power: PowerControl


@dataclass(frozen=True, slots=True)
class Command:
    """One command on one host: the argument list itself, its standard input and its account."""

    argv: tuple[str, ...]
    stdin: str
    user: str


@dataclass(frozen=True, slots=True)
class PlaybookRun:
    """A sealed playbook with its extra variables, on ``item`` alone."""

    file: str
    item: str
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A sealed check on ``item`` with its arguments."""

    file: str
    function: str
    item: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WaitRun:
    """Poll ``check`` every ``interval`` seconds."""

    check: CheckRun
    interval: float


@dataclass(frozen=True, slots=True)
class ManualStep:
    """What a person does."""

    instruction: Text


@dataclass(frozen=True, slots=True)
class FenceRun:
    """Power off ``item`` and prove it: ``witnesses`` are items, ``ports`` must be silent."""

    item: str
    witnesses: tuple[str, ...]
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PowerRun:
    """Power ``on`` or ``cycle`` for ``item``."""

    item: str
    state: str


Action = Command | PlaybookRun | CheckRun | WaitRun | ManualStep | FenceRun | PowerRun


@dataclass(frozen=True, slots=True)
class PlannedUndo:
    """See ``runbook.model.Undo``; the action is bound."""

    action: Command | PlaybookRun | None
    irreversible: Text | None


@dataclass(frozen=True, slots=True)
class Hand:
    """A line of ``by_hand``, bound: at which item's console (None: anywhere), what to type, what to see."""

    item: str | None
    do: str
    see: Text


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step, bound. ``id`` of a sub-runbook's step is ``<outer step>/<inner step>``.

    ``item`` is the host on which it acts, or None (manual). ``timeout`` in seconds.
    """

    id: str
    title: Text
    verb: Verb
    item: str | None
    action: Action
    verify: tuple[CheckRun, ...]
    undo: PlannedUndo
    timeout: float
    repeat: Repeat
    by_hand: tuple[Hand, ...]


@dataclass(frozen=True, slots=True)
class Assumption:
    """What must be so before the first step."""

    text: Text
    check: CheckRun


@dataclass(frozen=True, slots=True)
class Plan:
    """See the module. ``roles`` map to items; ``targets`` has every item that the plan touches.

    ``reachable``: items that the run logs in to. ``locks``: items that it holds exclusively while it
    runs (a subset of ``reachable`` on which a lock can be placed). ``services``: ids of the services
    that the plan can interrupt. ``cmdb_slice``: the entries that it was bound from, by section and id.
    ``engine``: the version of drillbook.
    """

    runbook: str
    title: Text
    kind: Kind
    runbook_digest: str
    environment: str
    parameters: Mapping[str, str]
    protection: str | None
    roles: Mapping[str, str]
    targets: Mapping[str, Target]
    reachable: tuple[str, ...]
    locks: tuple[str, ...]
    services: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    steps: tuple[PlannedStep, ...]
    artifacts_digest: str
    cmdb_slice: Mapping[str, Any]
    engine: str

    @property
    def digest(self) -> str:
        """``sha256:…`` over the canonical JSON of the whole plan."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Give the JSON value; each action carries its type under ``action``."""
        value = _to_json(self)
        assert isinstance(value, dict)
        return value

    def step(self, id_: str) -> PlannedStep:
        """Give a step by id. Raises KeyError."""
        for step in self.steps:
            if step.id == id_:
                return step
        raise KeyError(id_)


_ACTIONS = {
    "run": Command,
    "playbook": PlaybookRun,
    "check": CheckRun,
    "wait": WaitRun,
    "manual": ManualStep,
    "fence": FenceRun,
    "power": PowerRun,
}
_NAMES = {cls: name for name, cls in _ACTIONS.items()}


def action_name(action: Action) -> str:
    """Give the word of an action: run, playbook, check, wait, manual, fence or power."""
    return _NAMES[type(action)]


def _to_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        result = {f.name: _to_json(getattr(value, f.name)) for f in fields(value)}
        if type(value) in _NAMES:
            result["type"] = _NAMES[type(value)]
        return result
    if isinstance(value, dict):
        return {str(k): _to_json(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_to_json(v) for v in value]
    if isinstance(value, str):
        return str(value)
    return value


def _text(value: Mapping[str, Any] | None) -> Text | None:
    return Text(**value) if value else None


def _action(value: Mapping[str, Any]) -> Any:
    body = {key: item for key, item in value.items() if key != "type"}
    match value["type"]:
        case "run":
            return Command(argv=tuple(body["argv"]), stdin=body["stdin"], user=body["user"])
        case "wait":
            return WaitRun(check=_action(body["check"]), interval=body["interval"])
        case "manual":
            return ManualStep(instruction=Text(**body["instruction"]))
        case "fence":
            return FenceRun(item=body["item"], witnesses=tuple(body["witnesses"]), ports=tuple(body["ports"]))
        case other:
            return _ACTIONS[other](**body)


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
        by_hand=tuple(Hand(item=hand["item"], do=hand["do"], see=Text(**hand["see"])) for hand in value["by_hand"]),
    )


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
    )
