"""Rules on single steps: names, texts, proofs, undo, repeats, times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drillbook.runbook.model import (
    Check,
    Fence,
    Manual,
    Playbook,
    Power,
    Repeat,
    Run,
    Runbook,
    Step,
    SubRunbook,
    Text,
    Verb,
    Wait,
)
from drillbook.runbook.rules.context import Context, Found, Loaded, Path, checks, listed
from drillbook.runbook.template import TemplateError, references
from drillbook.schema_words import nearest
from drillbook.source import line_at
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

RESERVED = frozenset({"parameters", "protection", "environment", "slots"})
"""Names that references begin with; no role may have one."""

PROVED = frozenset({Verb.PROMOTE, Verb.DEMOTE, Verb.JOIN, Verb.START, Verb.STOP})
CHANGING = PROVED | {Verb.FENCE, Verb.RESTORE, Verb.INSTALL}
ON_A_HOST = PROVED | {Verb.FENCE}
MAX_TIMEOUT = 24 * 3600.0
"""Seconds."""

_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def find(loaded: Loaded, context: Context) -> Iterator[Found]:  # noqa: ARG001 - every rule has this form
    """Give what is wrong."""
    runbook = loaded.runbook
    yield from _roles(runbook)
    yield from _step_ids(loaded)
    yield from _texts(runbook)
    yield from _parameters(runbook)
    for index, step in enumerate(runbook.steps):
        yield from _step(("steps", index), step)
    yield from _logins(runbook)


def _roles(runbook: Runbook) -> Iterator[Found]:
    known = list(runbook.roles)
    for name, role in runbook.roles.items():
        path: Path = ("roles", name)
        if name in RESERVED:
            yield Found(path, "unknown-role", f"a role cannot be called '{name}': references begin so; rename it")
        if role.other_than is not None:
            other = runbook.roles.get(role.other_than)
            if other is None or other is role:
                yield Found(
                    (*path, "other_than"), "unknown-role",
                    f"'{role.other_than}' is not another role; "
                    f"{nearest(role.other_than, [each for each in known if each != name])}",
                )  # fmt: skip
            elif other.item is None:
                yield Found(
                    (*path, "other_than"), "unknown-role",
                    f"'{role.other_than}' is itself bound by other_than; bind it by item",
                )  # fmt: skip
            if runbook.protection is None:
                yield Found(
                    (*path, "other_than"), "unknown-role",
                    "other_than needs the runbook's 'protection', whose other member is meant; add it",
                )  # fmt: skip
    bound: dict[str, str] = {}
    for name, role in runbook.roles.items():
        if role.item is not None:
            if role.item in bound:
                yield Found(
                    ("roles", name), "same-host-twice",
                    f"'{name}' and '{bound[role.item]}' are bound to the same host; keep one of them",
                )  # fmt: skip
            bound.setdefault(role.item, name)

    def unknown(path: Path, name: str) -> Iterator[Found]:
        if name not in runbook.roles:
            said = f"there is no role '{name}'" if name else "no role says on which host"
            yield Found(path, "unknown-role", f"{said}; {nearest(name, known)}")

    for index, step in enumerate(runbook.steps):
        at: Path = ("steps", index)
        if step.on is not None:
            yield from unknown((*at, "on"), step.on)
        elif step.verb in ON_A_HOST and not isinstance(step.action, SubRunbook):
            yield Found(
                at,
                "unknown-role",
                f"a step with verb {step.verb} needs 'on': the role whose host it is about",
            )
        if isinstance(step.action, Fence):
            for number, witness in enumerate(step.action.witnesses):
                yield from unknown((*at, "fence", "witnesses", number), witness)
        for number, hand in enumerate(step.by_hand):
            if hand.on is not None:
                yield from unknown((*at, "by_hand", number, "on"), hand.on)
    for path, step_or_none, call in checks(runbook):
        if step_or_none is None or call.on != step_or_none.on:
            yield from unknown((*path, "on"), call.on)


def _step_ids(loaded: Loaded) -> Iterator[Found]:
    first: dict[str, int] = {}
    for index, step in enumerate(loaded.runbook.steps):
        if step.id in first:
            line = line_at(loaded.document, ("steps", first[step.id], "id"))
            yield Found(
                ("steps", index, "id"), "duplicate-step",
                f"the step id '{step.id}' stands twice, first in line {line}; rename one",
            )  # fmt: skip
        first.setdefault(step.id, index)


def _texts(runbook: Runbook) -> Iterator[Found]:
    def chinese(path: Path, text: Text | None) -> Iterator[Found]:
        if text is not None and not _CHINESE.search(text.zh):
            yield Found(
                (*path, "zh"),
                "text-language",
                "the Chinese text has no Chinese character; write it in Chinese",
            )

    yield from chinese(("title",), runbook.title)
    for index, sign in enumerate(runbook.signs):
        yield from chinese(("signs", index), sign)
    for name, parameter in runbook.parameters.items():
        yield from chinese(("parameters", name, "description"), parameter.description)
    for index, (text, _) in enumerate(runbook.assumptions):
        yield from chinese(("assumptions", index, "text"), text)
    for name, slot in runbook.slots.items():
        yield from chinese(("slots", name, "text"), slot.text)
    for index, step in enumerate(runbook.steps):
        at: Path = ("steps", index)
        yield from chinese((*at, "title"), step.title)
        yield from chinese((*at, "undo", "irreversible"), step.undo.irreversible)
        if isinstance(step.action, Manual):
            yield from chinese((*at, "manual"), step.action.instruction)
        for number, hand in enumerate(step.by_hand):
            yield from chinese((*at, "by_hand", number, "see"), hand.see)
            if isinstance(hand.do, Text):
                yield from chinese((*at, "by_hand", number, "do"), hand.do)
                if hand.on is not None:
                    yield Found(
                        (*at, "by_hand", number, "on"), "by-hand-sentence",
                        "a sentence is typed at no console; leave 'on' out, or write the command as one text",
                    )  # fmt: skip
                if _named(hand.do.en) != _named(hand.do.zh):
                    yield Found(
                        (*at, "by_hand", number, "do"), "by-hand-sentence",
                        "the two languages name different things; write the same references in both",
                    )  # fmt: skip
            elif not hand.do.isascii():
                odd = next(character for character in hand.do if not character.isascii())
                yield Found(
                    (*at, "by_hand", number, "do"), "by-hand-ascii",
                    f"the command holds '{odd}', which not every console can type; "
                    "keep to ASCII and explain under 'see'",
                )  # fmt: skip


def _named(template: str) -> set[str] | None:
    try:
        return {str(reference) for reference in references(template)}
    except TemplateError:
        return None  # another rule says so


def _parameters(runbook: Runbook) -> Iterator[Found]:
    for name, parameter in runbook.parameters.items():
        path: Path = ("parameters", name)
        if (parameter.type == "choice") != bool(parameter.choices):
            message = (
                "a choice needs 'choices': its values"
                if parameter.type == "choice"
                else f"'choices' belongs to type choice, and this is {parameter.type}; remove one of the two"
            )
            yield Found(path, "parameter", message)
        default = parameter.default
        if default is None or "{" in default:
            continue
        if parameter.choices and default not in parameter.choices:
            yield Found(
                (*path, "default"), "parameter",
                f"the default '{visible(default, limit=60)}' is not one of the choices: {listed(parameter.choices)}",
            )  # fmt: skip
        if parameter.type == "integer" and not re.fullmatch(r"-?[0-9]{1,18}", default):
            yield Found(
                (*path, "default"), "parameter", f"the default '{visible(default, limit=60)}' is not a whole number"
            )


def _step(at: Path, step: Step) -> Iterator[Found]:
    action = step.action
    if isinstance(action, SubRunbook):
        extra = [
            name
            for name, there in (
                ("on", step.on is not None),
                ("verify", bool(step.verify)),
                ("undo", not step.undo.nothing),
                ("timeout", step.timeout > 0),
            )
            if there
        ]
        if extra:
            yield Found(
                (*at, extra[0]), "sub-runbook-fields",
                f"{listed(extra)} has no effect here: {action.runbook}'s steps have their own; remove it",
            )  # fmt: skip
        return
    if not 0 < step.timeout <= MAX_TIMEOUT:
        yield Found((*at, "timeout"), "timeout-range", "the timeout must be over 0 s and at most 24 h")
    if isinstance(action, Wait) and not 0 < action.interval <= step.timeout:
        yield Found(
            (*at, "wait", "interval"),
            "timeout-range",
            "the interval must be over 0 s and at most the timeout",
        )
    if step.verb in PROVED and not step.verify and not isinstance(action, Check | Wait):
        yield Found(
            at,
            "missing-verify",
            f"a step with verb {step.verb} needs 'verify': the checks that prove that it worked",
        )
    if step.repeat is Repeat.CHECK and not step.verify:
        yield Found(
            (*at, "repeat"), "repeat-without-verify",
            "repeat: check asks 'verify' whether the step is done, and there is none; "
            "add it, or say safe or never",
        )  # fmt: skip
    if step.verb is Verb.PROMOTE and step.repeat is Repeat.SAFE and not isinstance(action, Check | Wait):
        yield Found(
            (*at, "repeat"), "repeat-promotion",
            "a promotion is not done again blindly: say check (verify tells whether it is done) or never",
        )  # fmt: skip
    if isinstance(action, Run | Playbook) and step.verb in CHANGING and step.undo.nothing:
        yield Found(
            (*at, "undo"), "undo-nothing",
            f"a step with verb {step.verb} changes something: "
            "say how it is undone, or why it is irreversible",
        )  # fmt: skip
    yield from _fence(at, step)


def _fence(at: Path, step: Step) -> Iterator[Found]:
    action = step.action
    if not isinstance(action, Fence):
        if step.verb is Verb.FENCE:
            yield Found(
                (*at, "verb"), "fence-shape",
                "verb fence needs the action 'fence', which proves it; use that, or another verb",
            )  # fmt: skip
        return
    if step.verb is not Verb.FENCE:
        yield Found((*at, "verb"), "fence-shape", f"the action 'fence' goes with verb fence, not {step.verb}")
    if step.on in action.witnesses:
        yield Found(
            (*at, "fence", "witnesses"), "fence-shape",
            f"'{step.on}' cannot be the witness of its own silence; name another role",
        )  # fmt: skip
    if step.repeat is not Repeat.SAFE:
        yield Found((*at, "repeat"), "fence-shape", "fencing is always proved anew after a break: say repeat: safe")
    if step.undo.action is not None:
        yield Found(
            (*at, "undo"), "fence-shape",
            "a host that is switched off runs nothing; say 'irreversible' and the way forward",
        )  # fmt: skip


def _logins(runbook: Runbook) -> Iterator[Found]:
    """Find steps that log in to a host that may be dead or was just fenced."""
    down = {name for name, role in runbook.roles.items() if not role.reachable}

    def login(path: Path, role: str | None) -> Iterator[Found]:
        if role in down:
            yield Found(
                path, "unreachable-role",
                f"this logs in to '{role}', which may be off here; act on another role, "
                "or switch it on first with power: on",
            )  # fmt: skip

    for index, (_, call) in enumerate(runbook.assumptions):
        yield from login(("assumptions", index, "check"), call.on)
    for name, slot in runbook.slots.items():
        yield from login(("slots", name, "choose"), slot.choose.on)
    for index, step in enumerate(runbook.steps):
        at: Path = ("steps", index)
        match step.action:
            case Run() | Playbook():
                yield from login(at, step.on)
            case Check(call=call) | Wait(call=call):
                yield from login(at, call.on)
            case Fence(witnesses=witnesses):
                if all(witness in down for witness in witnesses):
                    yield Found(
                        (*at, "fence", "witnesses"), "unreachable-role",
                        "every witness may be off here; name one that the run can reach",
                    )  # fmt: skip
                if step.on is not None:
                    down.add(step.on)
            case Power() if step.on is not None:
                down.discard(step.on)
            case SubRunbook():  # may have switched hosts on; the planner sees its steps in this place
                down.clear()
            case _:
                pass
        for number, call in enumerate(step.verify):
            yield from login((*at, "verify", number), call.on)
