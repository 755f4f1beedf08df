"""Rules on references: their form, whether they can name something, and circles of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.runbook.model import Fence, Manual, SubRunbook, Text
from drillbook.runbook.rules.context import Context, Found, Loaded, Path, checks, listed, playbooks, runs
from drillbook.runbook.template import Reference, TemplateError, reference_in_constant, references
from drillbook.schema_words import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.runbook.model import Runbook

ENVIRONMENT = ("id", "kind")
"""What ``{environment.…}`` can name."""

PROTECTION = {
    "id": 2,
    "kind": 2,
    "service": 2,
    "service_address": 2,
    "replication": 2,
    "members": 3,
    "settings": 3,
    "snapshot": 3,
}
"""What ``{protection.…}`` can name, with the number of parts of the whole reference."""


def find(loaded: Loaded, context: Context) -> Iterator[Found]:  # noqa: ARG001 - every rule has this form
    """Give what is wrong."""
    runbook = loaded.runbook
    used: set[str] = set()
    broken = False
    for path, template in templates(runbook):
        try:
            for reference in references(template):
                if reference.path[0] == "parameters":
                    used.add(reference.path[1])
                problem = _problem(runbook, reference)
                if problem:
                    yield Found(path, "unknown-reference", problem)
        except TemplateError as error:
            broken = True
            yield Found(path, "template-syntax", str(error))
    for name in runbook.parameters:
        if name not in used and not broken:
            yield Found(
                ("parameters", name), "parameter-unused",
                f"the parameter '{name}' is used nowhere, so it has no effect; use it or remove it",
            )  # fmt: skip
    if not broken:
        yield from _circles(runbook)
    yield from _constants(runbook)


def templates(runbook: Runbook) -> Iterator[tuple[Path, Any]]:
    """Give every template, or value with templates in it."""
    if runbook.protection is not None:
        yield ("protection",), runbook.protection
    for name, parameter in runbook.parameters.items():
        if parameter.default is not None:
            yield ("parameters", name, "default"), parameter.default
    for name, role in runbook.roles.items():
        if role.item is not None:
            yield ("roles", name, "item"), role.item
    for path, _, call in checks(runbook):
        for name, value in call.arguments.items():
            yield (*path, "arguments", name), value
    for path, _, run, _ in runs(runbook):
        for key in ("argv", "values"):
            for index, value in enumerate(getattr(run, key)):
                yield (*path, key, index), value
        for name, value in (run.variables or {}).items():
            yield (*path, "variables", name), value
        yield (*path, "database"), run.database
    for path, _, playbook, _ in playbooks(runbook):
        for name, value in playbook.variables.items():
            yield (*path, "variables", name), value
    for index, step in enumerate(runbook.steps):
        if isinstance(step.action, Fence):
            for number, port in enumerate(step.action.silent_ports):
                yield ("steps", index, "fence", "silent_ports", number), port
        if isinstance(step.action, SubRunbook):
            for name, value in step.action.parameters.items():
                yield ("steps", index, "runbook", "parameters", name), value
        for number, hand in enumerate(step.by_hand):
            at: Path = ("steps", index, "by_hand", number, "do")
            if isinstance(hand.do, Text):
                yield (*at, "en"), hand.do.en
                yield (*at, "zh"), hand.do.zh
            else:
                yield at, hand.do


def _problem(runbook: Runbook, reference: Reference) -> str | None:
    """Say why a reference can name nothing, whatever the estate; None when it can."""
    first, *rest = reference.path
    if first == "parameters":
        if len(rest) != 1:
            return f"{reference} has too many parts; write {{parameters.{rest[0]}}}"
        if rest[0] not in runbook.parameters:
            return f"there is no parameter '{rest[0]}'; {nearest(rest[0], list(runbook.parameters))}"
        return None
    if first == "environment":
        if len(rest) != 1 or rest[0] not in ENVIRONMENT:
            return f"{reference} names nothing; an environment has {listed(ENVIRONMENT)}"
        return None
    if first == "protection":
        if runbook.protection is None:
            return f"{reference} needs the runbook's 'protection'; add it"
        if rest[0] not in PROTECTION:
            return f"a protection has no '{rest[0]}' here; {nearest(rest[0], list(PROTECTION))}"
        if len(reference.path) != PROTECTION[rest[0]]:
            example = "{protection." + rest[0] + (".…}" if PROTECTION[rest[0]] > 2 else "}")  # noqa: PLR2004 - parts
            return f"{reference} has the wrong number of parts; write {example}"
        return None
    if first == "slots":
        if len(rest) != 1 or rest[0] not in runbook.slots:
            return f"there is no slot '{'.'.join(rest)}'; {nearest(rest[0], list(runbook.slots))}"
        return None
    if first not in runbook.roles:
        known = [*runbook.roles, "parameters", "protection", "environment", "slots"]
        return f"{reference} begins with no role; {nearest(first, known)}"
    return None


def _circles(runbook: Runbook) -> Iterator[Found]:
    """Find values that need themselves: a parameter's default, the protection, a role's item."""
    needs: dict[str, tuple[Path, list[str]]] = {}

    def named(template: str) -> list[str]:
        return [
            f"parameters.{reference.path[1]}" if reference.path[0] == "parameters" else reference.path[0]
            for reference in references(template)
        ]

    if runbook.protection is not None:
        needs["protection"] = (("protection",), named(runbook.protection))
    for name, parameter in runbook.parameters.items():
        if parameter.default is not None:
            needs[f"parameters.{name}"] = (("parameters", name, "default"), named(parameter.default))
    for name, role in runbook.roles.items():
        if role.item is not None:
            needs[name] = (("roles", name, "item"), named(role.item))
        elif role.other_than is not None:
            needs[name] = (("roles", name, "other_than"), [role.other_than, "protection"])
    done: set[str] = set()
    for start in needs:
        trail: list[str] = []

        def visit(name: str, trail: list[str] = trail) -> list[str] | None:
            if name in trail:
                return [*trail[trail.index(name) :], name]
            if name in done or name not in needs:
                return None
            trail.append(name)
            for following in needs[name][1]:
                circle = visit(following)
                if circle:
                    return circle
            trail.pop()
            done.add(name)
            return None

        circle = visit(start)
        if circle:
            done.update(circle)
            yield Found(
                needs[circle[0]][0], "reference-circle",
                f"the value needs itself: {' → '.join(circle)}; give one of them a value of its own",
            )  # fmt: skip


def _constants(runbook: Runbook) -> Iterator[Found]:
    """Find references in texts in which they are not replaced."""
    for path, _, run, _ in runs(runbook):
        for key, form in (
            ("script", "give it under 'values' and write \"$1\""),
            ("sql", "give it under 'variables' and write :'name'"),
        ):
            reference = reference_in_constant(getattr(run, key))
            if reference:
                yield Found(
                    (*path, key), "constant-text",
                    f"{reference} is not replaced in a {key}, so that a value never becomes syntax; {form}",
                )  # fmt: skip

    def constant(path: Path, text: Text | None) -> Iterator[Found]:
        for language in ("en", "zh") if text is not None else ():
            reference = reference_in_constant(getattr(text, language))
            if reference:
                yield Found(
                    (*path, language), "constant-text",
                    f"{reference} is not replaced in a text for people; write it under by_hand's 'do'",
                )  # fmt: skip

    yield from constant(("title",), runbook.title)
    for index, (text, _) in enumerate(runbook.assumptions):
        yield from constant(("assumptions", index, "text"), text)
    for name, slot in runbook.slots.items():
        yield from constant(("slots", name, "text"), slot.text)
    for index, sign in enumerate(runbook.signs):
        yield from constant(("signs", index), sign)
    for index, step in enumerate(runbook.steps):
        at: Path = ("steps", index)
        yield from constant((*at, "title"), step.title)
        yield from constant((*at, "undo", "irreversible"), step.undo.irreversible)
        if isinstance(step.action, Manual):
            yield from constant((*at, "manual"), step.action.instruction)
        for number, hand in enumerate(step.by_hand):
            yield from constant((*at, "by_hand", number, "see"), hand.see)
