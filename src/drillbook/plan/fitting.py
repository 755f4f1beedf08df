"""Whether a protection that a person names for a runbook has what the runbook asks of it.

What a runbook needs is read from its own references, and from those of the runbooks that it hands the value on to.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from drillbook.errors import Refused, UsageError
from drillbook.plan.values import alone, protection_value, template_parts
from drillbook.runbook.model import SubRunbook
from drillbook.runbook.rules.references import templates
from drillbook.runbook.template import Reference, references
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from drillbook.cmdb.model import Cmdb, Entry
    from drillbook.runbook.model import Runbook

_SHOWN = 4  # of what is missing
_LISTED = 12  # protections that fit


def require_fitting(
    cmdb: Cmdb, runbook: Runbook, runbooks: Mapping[str, Runbook], environment: str, given: Mapping[str, str]
) -> None:
    """Raise UsageError for a protection that does not exist, or of a kind that the runbook is not for.

    Args:
        cmdb: the estate.
        runbook: the runbook.
        runbooks: the runbooks by id that it may call.
        environment: the id of an environment.
        given: texts for its parameters by name; what is no name of a protection's parameter is passed over.

    What no protection at all has is the runbook's mistake, or a gap in the CMDB: the planner refuses that.
    """
    cmdb.environments[environment]  # says which there are
    for name, value in given.items():
        parameter = runbook.parameters.get(name)
        if parameter is None or parameter.type != "protection" or forbidden_character(value) is not None:
            continue
        needed = list(dict.fromkeys(_needed(runbook, runbooks, name, chain=())))
        entry = cmdb.protections.by_id.get(value)
        missing = [] if entry is None else _missing(cmdb, entry, environment, needed)
        if entry is not None and not missing:
            continue
        fitting = [each for each in cmdb.protections if not _missing(cmdb, each, environment, needed)]
        if entry is None or fitting:
            raise _unfit(f"the parameter '{name}' of {runbook.id}", value, entry, missing, fitting)


def _needed(
    runbook: Runbook, runbooks: Mapping[str, Runbook], name: str, *, chain: tuple[str, ...]
) -> Iterator[Reference]:
    """Give what is asked of the protection that a parameter names: references such as ``{protection.members.spare}``.

    A value inside of a longer template is left to the planner, and so are runbooks that call themselves.
    """
    itself = Reference(("parameters", name))
    if runbook.protection is not None and template_parts(runbook.protection) == (itself,):
        for _, template in templates(runbook):
            yield from (each for each in references(template) if each.path[0] == "protection")
    for step in runbook.steps:
        if isinstance(step.action, SubRunbook) and step.action.runbook not in (*chain, runbook.id):
            called = runbooks.get(step.action.runbook)
            for handed, template in step.action.parameters.items():
                if called is not None and alone(template) == itself:
                    yield from _needed(called, runbooks, handed, chain=(*chain, runbook.id))


def _missing(cmdb: Cmdb, entry: Entry, environment: str, needed: list[Reference]) -> list[str]:
    missing = []
    for reference in needed:
        try:
            protection_value(cmdb, entry.id, environment, reference)
        except (Refused, UsageError):
            missing.append(".".join(reference.path[1:]))
    return missing


def _unfit(said: str, value: str, entry: Entry | None, missing: list[str], fitting: list[Entry]) -> UsageError:
    shown = visible(value, limit=60)
    lines = [f"{each.id}  {each.get('title')['en']}" for each in fitting[:_LISTED]]
    if len(fitting) > _LISTED:
        lines.append(f"and {len(fitting) - _LISTED} more")
    told = ["it can be:", *lines] if lines else ["no protection has all that it needs; ./inv runbooks.show says what"]
    if entry is None:
        near = get_close_matches(value[:200], [each.id for each in fitting], n=3)
        told = [f"did you mean {', '.join(near)}?"] * bool(near) + told
        return UsageError(f"{said} is '{shown}', and there is no such protection", remedy="\n".join(told))
    more = len(missing) - _SHOWN
    without = ", ".join(missing[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    told.append(f"or give {entry.id} what is missing, in {entry.file}, line {entry.line}")
    return UsageError(
        f"{said} is '{shown}', of the kind {entry.get('kind')}, which does not have what it needs: {without}",
        remedy="\n".join(told),
    )
