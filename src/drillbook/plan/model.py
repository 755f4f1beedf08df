"""The frozen plan: everything that will run, with nothing left to look up but what its slots name.

A plan is a JSON value (``to_json`` and ``reading.plan_from_json`` are inverse) and its digest is over that value's
canonical bytes. What a person is shown, signs and what runs are made from the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from drillbook.canonical import digest
from drillbook.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.runbook.model import Kind, Repeat, Text, Verb


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
class SlotUse:
    """The place in a command of a slot's value. ``many``: whether a list may stand there, as that many arguments."""

    slot: str
    many: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One command on one host: the argument list itself, its standard input and its account."""

    argv: tuple[str | SlotUse, ...]
    stdin: str
    user: str

    @property
    def words(self) -> tuple[str, ...]:
        """The argument list of a command whose slots are bound. Raises Refused when one is not."""
        return tuple(_bound(word) for word in self.argv)


def _bound(word: str | SlotUse) -> str:
    if isinstance(word, SlotUse):
        raise Refused(f"the command needs the value of the slot {word.slot}, which is not chosen yet")
    return word


@dataclass(frozen=True, slots=True)
class PlaybookRun:
    """A sealed playbook with its extra variables, on ``item`` alone."""

    file: str
    item: str
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A sealed check on ``item`` with its arguments. ``slots``: the arguments that are slots' values, by name."""

    file: str
    function: str
    item: str
    arguments: Mapping[str, Any]
    slots: Mapping[str, str] = field(default_factory=dict)


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
    """A line of ``by_hand``, bound: at which item's console (None: anywhere), what to type or do, what to see."""

    item: str | None
    do: str | Text
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
class PlannedSlot:
    """A value that is chosen when the run begins, and how: the rule is approved, not the value.

    ``name`` of a sub-runbook's slot is ``<outer step>/<its name>``.
    """

    name: str
    text: Text
    check: CheckRun


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """A called runbook that stands by itself: when it fails, the run goes on with the parts that do not need it.

    Its steps are those whose ids begin with its ``id`` and a slash. ``after``: the ids of parts before it, which must
    be done before it begins. ``protection``, ``reachable``, ``locks``, ``services``: as the plan's, and of it alone.
    """

    id: str
    title: Text
    runbook: str
    after: tuple[str, ...]
    protection: str | None
    reachable: tuple[str, ...]
    locks: tuple[str, ...]
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """See the module. ``roles`` map to items; ``targets`` has every item that the plan touches.

    ``reachable``: items that the run logs in to. ``locks``: items that it holds exclusively while it
    runs (a subset of ``reachable`` on which a lock can be placed). ``services``: ids of the services
    that the plan can interrupt. ``cmdb_slice``: the entries that it was bound from, by section and id.
    ``engine``: the version of drillbook. ``parts``: where it has some, every step is of one of them, and each part's
    hosts are reached and locked when it begins.
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
    slots: tuple[PlannedSlot, ...] = ()
    parts: tuple[PlannedPart, ...] = ()

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


ACTIONS = {
    "run": Command,
    "playbook": PlaybookRun,
    "check": CheckRun,
    "wait": WaitRun,
    "manual": ManualStep,
    "fence": FenceRun,
    "power": PowerRun,
}
_NAMES = {cls: name for name, cls in ACTIONS.items()}
_SAID_WHEN_THERE = ("slots", "parts")


def action_name(action: Action) -> str:
    """Give the word of an action: run, playbook, check, wait, manual, fence or power."""
    return _NAMES[type(action)]


def _to_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        # Where a plan has none of these, nothing is said of them: so what was approved keeps its digest.
        known = {f.name: getattr(value, f.name) for f in fields(value)}
        result = {name: _to_json(each) for name, each in known.items() if name not in _SAID_WHEN_THERE or each}
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
