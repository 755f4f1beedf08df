"""A runbook as its file says it: typed steps whose values are not bound yet.

A value in a runbook may be a *template*: a string with references such as ``{primary.address}``.
They are bound by the planner; nothing here looks inside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """What a runbook is for. FAILOVER and PROMOTION must fence before they promote."""

    SWITCHOVER = "switchover"
    FAILOVER = "failover"
    FAILBACK = "failback"
    PROMOTION = "promotion"
    RESTORE = "restore"
    MAINTENANCE = "maintenance"


class Verb(StrEnum):
    """What a step does, in the glossary's words."""

    ENSURE = "ensure"
    START = "start"
    STOP = "stop"
    FENCE = "fence"
    PROMOTE = "promote"
    DEMOTE = "demote"
    JOIN = "join"
    DRAIN = "drain"
    LOAD = "load"
    UNLOAD = "unload"
    RESTORE = "restore"
    VERIFY = "verify"
    PUBLISH = "publish"
    INSTALL = "install"
    ROLL_BACK = "roll_back"


class Repeat(StrEnum):
    """What a resume may do with a step whose outcome is unknown.

    SAFE: do it again. CHECK: run its ``verify``; if that holds the step is done, else do it again.
    NEVER: a person must look.
    """

    SAFE = "safe"
    CHECK = "check"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people in English and Chinese."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a person types when there is no engine, and what they should then see.

    ``on`` is the role whose console they type it at, or None for "anywhere"; ``do`` a template in
    ASCII, or, when it is a sentence and no command, one in each language; ``see`` the explanation.
    """

    do: str | Text
    see: Text
    on: str | None
    line: int


@dataclass(frozen=True, slots=True)
class CheckCall:
    """A call of a check: ``file`` below playbooks/, ``function`` in it, ``on`` a role, arguments as templates.

    The function takes a testinfra ``host`` and the arguments by keyword, and asserts.
    """

    file: str
    function: str
    on: str
    arguments: Mapping[str, Any]
    line: int


@dataclass(frozen=True, slots=True)
class Run:
    """``argv``, ``script`` or ``sql``: exactly one of the three.

    ``argv``: templates, one for each argument. ``script``: constant text for ``/bin/sh -eu``, with
    ``values`` (templates) as ``"$1"``, ``"$2"``, …. ``sql``: constant text for psql in
    ``database``, with ``variables`` (templates) as psql variables. ``user``: the account on the host.
    """

    argv: tuple[str, ...] = ()
    script: str = ""
    values: tuple[str, ...] = ()
    sql: str = ""
    variables: Mapping[str, str] | None = None
    database: str = ""
    user: str = "root"


@dataclass(frozen=True, slots=True)
class Playbook:
    """An Ansible playbook below playbooks/, on the step's host, with extra variables (templates)."""

    file: str
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """A check as a step of its own."""

    call: CheckCall


@dataclass(frozen=True, slots=True)
class Wait:
    """Poll a check every ``interval`` seconds until it holds or the step's timeout is over."""

    call: CheckCall
    interval: float


@dataclass(frozen=True, slots=True)
class Manual:
    """A person does something and confirms it, with name and time."""

    instruction: Text


@dataclass(frozen=True, slots=True)
class Fence:
    """Make sure that the step's host cannot act: power off, then prove it.

    Proved when power control itself reads ``off`` after the action, and none of ``witnesses``
    (roles) gets an answer from ``silent_ports`` (templates) of the host.
    """

    witnesses: tuple[str, ...]
    silent_ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Power:
    """Power control on the step's host: ``on`` or ``cycle`` (never to fence: that is Fence)."""

    state: str


@dataclass(frozen=True, slots=True)
class SubRunbook:
    """Another runbook with its parameters (templates); the planner puts its steps in this place.

    ``independent``: when it fails, the run goes on with the calls that do not need it. ``after``: the ids of the steps
    that it needs.
    """

    runbook: str
    parameters: Mapping[str, str]
    independent: bool = False
    after: tuple[str, ...] = ()


Action = Run | Playbook | Check | Wait | Manual | Fence | Power | SubRunbook


@dataclass(frozen=True, slots=True)
class Undo:
    """How a done step is undone: a ``Run`` or ``Playbook`` on the same host, or why it cannot be.

    Exactly one of ``action``, ``irreversible`` (reason and way forward) and ``nothing`` (the step
    leaves nothing to put back) is set.
    """

    action: Run | Playbook | None = None
    irreversible: Text | None = None
    nothing: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``timeout`` in seconds."""

    id: str
    title: Text
    verb: Verb
    on: str | None
    action: Action
    verify: tuple[CheckCall, ...]
    undo: Undo
    timeout: float
    repeat: Repeat
    by_hand: tuple[ByHand, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter. ``type``: ``protection`` | ``item`` | ``text`` | ``integer`` | ``choice``.

    ``default`` is a template or None (then it must be given); ``choices`` for ``choice``.
    """

    name: str
    type: str
    description: Text
    default: str | None
    choices: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the runbook, bound to a configuration item.

    By ``item``, a template such as ``{parameters.primary}``, or by ``other_than``, another role: the
    other member of a protection that has two. ``reachable``: whether the run may log in to it; False
    for a primary that may be dead.
    """

    name: str
    item: str | None
    other_than: str | None
    reachable: bool
    line: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A value that is chosen when a run begins, such as the newest snapshot: what is approved is the rule.

    ``text`` says which value it is, as a person would choose it; ``choose`` gives it (``facts.checks.choose``).
    """

    name: str
    text: Text
    choose: CheckCall
    line: int


@dataclass(frozen=True, slots=True)
class Runbook:
    """A validated runbook. ``protection`` is the template that names the protection it works on.

    ``assumptions`` are checks that must hold before the first step; ``slots`` are bound after them; ``signs``
    tell a person when this runbook is the right one.
    """

    id: str
    title: Text
    kind: Kind
    signs: tuple[Text, ...]
    parameters: Mapping[str, Parameter]
    protection: str | None
    roles: Mapping[str, Role]
    assumptions: tuple[tuple[Text, CheckCall], ...]
    slots: Mapping[str, Slot]
    steps: tuple[Step, ...]
    file: str
    line: int
    digest: str
