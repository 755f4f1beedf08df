"""From a runbook and what was given for its parameters to a scope: parameters, protection, roles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drillbook.errors import DrillbookError, Refused, UsageError
from drillbook.plan.values import (
    Scalar,
    Scope,
    Value,
    alone,
    as_text,
    environment_value,
    item_value,
    protection_value,
    text,
)
from drillbook.schema_words import nearest
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from drillbook.cmdb.model import Cmdb
    from drillbook.runbook.model import Parameter, Runbook
    from drillbook.runbook.template import Reference

_INTEGER = re.compile(r"-?[0-9]{1,18}")


def scope_of(cmdb: Cmdb, runbook: Runbook, environment: str, given: Mapping[str, str], *, prefix: str = "") -> Scope:
    """Bind what a runbook names.

    Args:
        cmdb: the estate.
        runbook: the runbook.
        environment: the id of an environment.
        given: texts for its parameters by name.
        prefix: what stands before the names of its slots in the plan: the step that calls it, and a slash.

    Returns:
        A scope with all parameters (defaults filled in), the protection, an item for each role, and the slots.

    Raises:
        UsageError: an unknown or missing parameter, or one whose value does not exist, or is no member.
        Refused: two roles are one item, or something cannot be bound.
    """
    cmdb.environments[environment]  # says which there are, before anything is looked up in it
    _known(runbook, given)
    resolver = _Resolver(cmdb, runbook, environment, given)
    roles = {name: resolver.role(name) for name in runbook.roles}
    _distinct(runbook, roles)
    return Scope(
        cmdb=cmdb,
        environment=environment,
        protection=resolver.protection() if runbook.protection is not None else None,
        parameters={name: resolver.parameter(name) for name in runbook.parameters},
        roles=roles,
        slots={name: prefix + name for name in runbook.slots},
    )


def _known(runbook: Runbook, given: Mapping[str, str]) -> None:
    for name in given:
        if name not in runbook.parameters:
            raise UsageError(
                f"{runbook.id} has no parameter '{visible(name, limit=60)}'", remedy=_all_parameters(runbook)
            )
    missing = [
        name for name, parameter in runbook.parameters.items() if parameter.default is None and name not in given
    ]
    if missing:
        raise UsageError(f"{runbook.id} needs the parameter {', '.join(missing)}", remedy=_all_parameters(runbook))


def _all_parameters(runbook: Runbook) -> str:
    if not runbook.parameters:
        return "it has none"
    lines = [
        f"--param {name}=…  {parameter.description.en} ({', '.join(parameter.choices) or parameter.type}"
        f"{'' if parameter.default is None else f'; {parameter.default} when left out'})"
        for name, parameter in runbook.parameters.items()
    ]
    return "\n".join(["it has:", *lines])


def _distinct(runbook: Runbook, roles: Mapping[str, str]) -> None:
    holder: dict[str, str] = {}
    for role, item in roles.items():
        if item in holder:
            raise Refused(
                f"the roles '{holder[item]}' and '{role}' of {runbook.id} are both {item}; "
                "each role must be another host",
                remedy="give other parameters, or correct the CMDB",
            )
        holder[item] = role


class _Resolver:
    """Binds on demand, since a default may need the protection and the protection a parameter."""

    def __init__(self, cmdb: Cmdb, runbook: Runbook, environment: str, given: Mapping[str, str]) -> None:
        self.cmdb = cmdb
        self.runbook = runbook
        self.environment = environment
        self.given = given
        self.bound: dict[str, Scalar] = {}
        self.busy: list[str] = []

    def value(self, reference: Reference) -> Value:
        """See ``Values``."""
        first = reference.path[0]
        if first == "parameters" and reference.path[1] in self.runbook.parameters:
            return self.parameter(reference.path[1])
        if first == "environment":
            return environment_value(self.cmdb, self.environment, reference)
        if first == "protection":
            return protection_value(self.cmdb, self.protection(), self.environment, reference)
        if first in self.runbook.roles:
            return item_value(self.cmdb, self.role(first), self.environment, reference)
        raise Refused(f"{reference} names nothing: {nearest(first, list(self.runbook.roles))}")

    def parameter(self, name: str) -> Scalar:
        parameter = self.runbook.parameters[name]

        def bind() -> Scalar:
            if name in self.given:
                return self._valid(parameter, self.given[name])
            assert parameter.default is not None  # what is missing was found before
            return self._valid(parameter, text(parameter.default, self))

        return self._once(f"parameter {name}", bind)

    def protection(self) -> str:
        def bind() -> str:
            if self.runbook.protection is None:
                raise Refused(f"{self.runbook.id} works on no protection, and refers to one")
            return self.cmdb.protections[text(self.runbook.protection, self)].id

        return str(self._once("the protection", bind))

    def role(self, name: str) -> str:
        role = self.runbook.roles[name]

        def bind() -> str:
            if role.other_than is not None:
                return self._other(name, role.other_than)
            assert role.item is not None
            return self.cmdb.config_items[text(role.item, self)].id

        return str(self._once(f"role {name}", bind))

    def _other(self, name: str, other: str) -> str:
        protection = self.cmdb.protections[self.protection()]
        members = list(dict.fromkeys(protection.get("members", {}).values()))
        item = self.role(other)
        if item not in members:
            raise self._stranger(other, item, protection.id, members)
        left = [member for member in members if member != item]
        if len(left) != 1:
            raise Refused(f"the role '{name}' is the other member of {protection.id}, which has {len(left)} others")
        return str(left[0])

    def _stranger(self, role: str, item: str, protection: str, members: list[str]) -> DrillbookError:
        """Give the error for an item that is no member: a person's mistake when they named it, else the runbook's."""
        remedy = f"its members are {', '.join(members)}"
        named = alone(self.runbook.roles[role].item or "")
        if named is not None and named.path[0] == "parameters" and named.path[1] in self.given:
            said = f"the parameter '{named.path[1]}' of {self.runbook.id} is '{item}'"
            return UsageError(f"{said}, which is no member of the protection {protection}", remedy=remedy)
        return Refused(f"the role '{role}' is {item}, which is no member of the protection {protection}", remedy=remedy)

    def _valid(self, parameter: Parameter, given: str) -> Scalar:
        shown = visible(given, limit=60)
        character = forbidden_character(given)
        if character is not None:
            raise Refused(
                f"the parameter '{parameter.name}' holds the character {character}, which no value may: '{shown}'"
            )
        match parameter.type:
            case "protection":
                return self.cmdb.protections[given].id
            case "item":
                return self.cmdb.config_items[given].id
            case "integer":
                if not _INTEGER.fullmatch(given):
                    raise UsageError(f"the parameter '{parameter.name}' is '{shown}', not a whole number")
                return int(given)
            case "choice" if given not in parameter.choices:
                raise UsageError(
                    f"the parameter '{parameter.name}' is '{shown}'",
                    remedy=f"it can be {', '.join(parameter.choices)}",
                )
        return given

    def _once(self, what: str, bind: Callable[[], Scalar]) -> Scalar:
        if what not in self.bound:
            if what in self.busy:
                circle = " → ".join([*self.busy[self.busy.index(what) :], what])
                raise Refused(f"the value of {what} of {self.runbook.id} needs itself: {circle}")
            self.busy.append(what)
            self.bound[what] = bind()
            self.busy.pop()
        return self.bound[what]


def parameter_texts(scope: Scope) -> dict[str, str]:
    """Give the parameters as a plan holds them: texts by name."""
    return {name: as_text(value) for name, value in scope.parameters.items()}
