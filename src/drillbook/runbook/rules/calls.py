"""Rules on what a runbook calls: checks, playbooks and other runbooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.runbook.library import Unreadable
from drillbook.runbook.model import SubRunbook
from drillbook.runbook.rules.context import Context, Found, Loaded, Path, checks, listed, playbooks
from drillbook.schema_words import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.runbook.model import CheckCall


def find(loaded: Loaded, context: Context) -> Iterator[Found]:
    """Give what is wrong."""
    for path, _, call in checks(loaded.runbook):
        yield from check_problems(path, call, context)
    for path, _, playbook, _ in playbooks(loaded.runbook):
        try:
            context.library.text(playbook.file)
        except Unreadable as error:
            yield Found((*path, "file"), "missing-playbook", f"the playbook '{playbook.file}' {error}")
    yield from _runbooks(loaded, context)


def check_problems(path: Path, call: CheckCall, context: Context) -> Iterator[Found]:
    """Hold one call of a check against the file that it names."""
    try:
        functions = context.library.checks(call.file)
    except Unreadable as error:
        yield Found((*path, "file"), "missing-check", f"the file of checks '{call.file}' {error}")
        return
    signature = functions.get(call.function)
    if signature is None:
        public = [name for name in functions if not name.startswith("_")]
        yield Found(
            (*path, "function"), "missing-check",
            f"{call.file} has no function '{call.function}'; {nearest(call.function, public)}",
        )  # fmt: skip
        return
    if signature.first != "host":
        yield Found(
            (*path, "function"), "check-arguments",
            f"{call.function} must take 'host' first, as every check does",
        )  # fmt: skip
        return
    for name in call.arguments:
        if name not in signature.names and not signature.any_name:
            yield Found(
                (*path, "arguments", name), "check-arguments",
                f"{call.function} has no parameter '{name}'; {nearest(name, list(signature.names))}",
            )  # fmt: skip
    missing = [name for name in signature.required if name not in call.arguments]
    if missing:
        yield Found(path, "check-arguments", f"{call.function} needs {listed(missing)}; give it under 'arguments'")


def _runbooks(loaded: Loaded, context: Context) -> Iterator[Found]:
    runbook = loaded.runbook
    for index, step in enumerate(runbook.steps):
        action = step.action
        if not isinstance(action, SubRunbook):
            continue
        path: Path = ("steps", index, "runbook")
        if action.runbook not in context.ids:
            others = sorted(context.ids - {runbook.id})
            yield Found(
                (*path, "id"), "unknown-runbook",
                f"there is no runbook '{action.runbook}'; {nearest(action.runbook, others)}",
            )  # fmt: skip
            continue
        if runbook.id in {action.runbook, *context.called_from(action.runbook)}:
            yield Found(
                (*path, "id"), "runbook-circle",
                f"{runbook.id} calls itself through {action.runbook}; a run would never end",
            )  # fmt: skip
        other = context.loaded.get(action.runbook)
        if other is None:
            continue  # its own file is wrong, and says so
        known = other.runbook.parameters
        for name in action.parameters:
            if name not in known:
                yield Found(
                    (*path, "parameters", name), "runbook-parameters",
                    f"{action.runbook} has no parameter '{name}'; {nearest(name, list(known))}",
                )  # fmt: skip
        missing = [
            name for name, parameter in known.items() if parameter.default is None and name not in action.parameters
        ]
        if missing:
            yield Found(
                path, "runbook-parameters",
                f"{action.runbook} needs the parameter{'s' if len(missing) > 1 else ''} {listed(missing)}",
            )  # fmt: skip
