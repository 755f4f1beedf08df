"""Values for templates: what a reference names, and how it is put into a text, an argument or a value.

A value never becomes syntax: it is text inside one argument, it may not begin an argument with a
dash, it is never empty where an argument is meant, and it holds no forbidden character.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from drillbook.cmdb import addressing
from drillbook.errors import Refused
from drillbook.plan.model import CheckRun, SlotUse
from drillbook.runbook.template import Reference, TemplateError, parse
from drillbook.schema_words import described, nearest
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.cmdb.model import Cmdb, Entry
    from drillbook.runbook.model import CheckCall

Scalar = str | int | float | bool
Value = Scalar | list[str]
"""What a reference names: a single value, or a list of texts, which stands alone where several may stand."""

_DEFAULTS: Mapping[tuple[str, ...], Scalar] = {("ssh", "port"): 22, ("ssh", "user"): "root"}


class Values(Protocol):
    """Whatever can tell what a reference names."""

    def value(self, reference: Reference) -> Value:
        """Give what a reference names. Raises Refused or UsageError when it names nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """What references are looked up in: an estate, one environment of it, and what is bound.

    ``protection`` is an id or None; ``parameters`` are values by name; ``roles`` item ids by role; ``slots`` the
    names that a runbook's slots have in the plan, by their own.
    A scope without protection, parameters or roles is complete in itself: then references to them
    are refused.
    """

    cmdb: Cmdb
    environment: str
    protection: str | None
    parameters: Mapping[str, Scalar]
    roles: Mapping[str, str]
    slots: Mapping[str, str] = field(default_factory=dict)

    def value(self, reference: Reference) -> Value:
        """See ``Values``."""
        first, *rest = reference.path
        match first:
            case "parameters" if len(rest) == 1 and rest[0] in self.parameters:
                return self.parameters[rest[0]]
            case "parameters":
                raise Refused(f"{reference} names nothing: {nearest('.'.join(rest), list(self.parameters))}")
            case "environment":
                return environment_value(self.cmdb, self.environment, reference)
            case "protection":
                if self.protection is None:
                    raise Refused(f"{reference} names nothing: there is no protection here")
                return protection_value(self.cmdb, self.protection, self.environment, reference)
            case "slots":
                raise Refused(
                    f"{self.slot(reference)} is chosen when the run begins: {reference} stands alone, as an element of "
                    "argv or values or as an argument of a check"
                )
            case role if role in self.roles:
                return item_value(self.cmdb, self.roles[role], self.environment, reference)
        raise Refused(f"{reference} names nothing: {nearest(first, list(self.roles))}")

    def slot(self, reference: Reference) -> str:
        """Give the plan's name of a slot. Raises Refused when there is none."""
        own = ".".join(reference.path[1:])
        if own not in self.slots:
            raise Refused(f"{reference} names nothing: {nearest(own, list(self.slots))}")
        return self.slots[own]

    def item(self, on: str) -> str:
        """Give the item of a role, or of an item's own id. Raises UsageError for another word."""
        if on in self.roles:
            return self.roles[on]
        return self.cmdb.config_items[on].id


def environment_value(cmdb: Cmdb, environment: str, reference: Reference) -> Scalar:
    """Give what ``{environment.…}`` names."""
    match reference.path[1:]:
        case ("id",):
            return environment
        case ("kind",):
            return str(cmdb.environments[environment].get("kind"))
    raise Refused(f"{reference} names nothing: an environment has id and kind")


def item_value(cmdb: Cmdb, item: str, environment: str, reference: Reference) -> Value:
    """Give what ``{ROLE.…}`` names: the id, the address in the environment, or a field by its path."""
    entry = cmdb.config_items[item]
    match reference.path[1:]:
        case ("id",):
            return entry.id
        case ("address",):
            return addressing.address(cmdb, item, environment)
        case path:
            return _field(entry, path, reference)


def protection_value(cmdb: Cmdb, protection: str, environment: str, reference: Reference) -> Value:
    """Give what ``{protection.…}`` names."""
    entry = cmdb.protections[protection]
    match reference.path[1:]:
        case ("id",):
            return entry.id
        case ("service_address",):
            return addressing.service_address(cmdb, protection, environment)
        case path:
            return _field(entry, path, reference)


def _field(entry: Entry, path: tuple[str, ...], reference: Reference) -> Value:
    value: Any = entry.fields
    for part in path:
        if not isinstance(value, dict) or part not in value:
            if path in _DEFAULTS:
                return _DEFAULTS[path]
            known = list(value) if isinstance(value, dict) else []
            raise Refused(
                f"{reference} names nothing: '{entry.id}' has no '{'.'.join(path)}'; {nearest(part, known)}",
                remedy=f"correct the runbook, or add it in {entry.file}, line {entry.line}",
            )
        value = value[part]
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return list(value)
    if not isinstance(value, str | int | float):
        raise Refused(
            f"{reference} names {described(value)} in '{entry.id}'; a text, a number, true or false is needed, "
            "or a list of texts, not empty, where several may stand"
        )
    return value


def as_text(value: Scalar) -> str:
    """Give a value as text: true and false in lower case, numbers as Python prints them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def text(template: str, values: Values) -> str:
    """Fill in a template. Raises Refused for a value that holds a forbidden character."""
    return "".join(part if isinstance(part, str) else _checked(part, values) for part in template_parts(template))


def argument(template: str, values: Values) -> str:
    """Fill in a template that becomes one argument of a command.

    Raises Refused, beyond ``text``, when a value begins it with a dash, where an option could be
    meant, and when nothing but empty values are left of it.
    """
    parts = template_parts(template)
    bound = text(template, values)
    if parts and isinstance(parts[0], Reference):
        _no_option(parts[0], bound)
    if parts and not bound:
        raise Refused(f"the value of {parts[0]} is empty, and an argument must not be")
    return bound


def _no_option(reference: Reference, bound: str) -> None:
    if bound.startswith("-"):
        raise Refused(
            f"the value of {reference} begins with a dash: '{visible(bound, limit=60)}' could be read as an option",
            remedy="only the runbook's own text may begin an argument with a dash",
        )


def arguments(template: str, scope: Scope, *, many: bool) -> tuple[str | SlotUse, ...]:
    """Fill in a template that becomes one argument, or as many as the list has that it names and nothing else.

    ``many`` tells whether several arguments may stand there; a slot's value is put in when it is chosen. Raises
    Refused as ``argument``, and for a list where one argument must stand.
    """
    named = alone(template)
    if named is not None and named.path[0] == "slots":
        return (SlotUse(scope.slot(named), many),)
    value = scope.value(named) if named is not None else None
    if named is None or not isinstance(value, list):
        return (argument(template, scope),)
    if not many:
        raise Refused(
            f"{named} names a list, which becomes that many values",
            remedy='in a script one stands last, and the script uses it as "$@" (after shift)',
        )
    for each in value:
        _allowed(named, each)
        _no_option(named, each)
        if not each:
            raise Refused(f"an element of {named} is empty, and an argument must not be")
    return tuple(value)


def alone(template: str) -> Reference | None:
    """Give the reference that a template is, when it is one and nothing else."""
    parts = template_parts(template)
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else None


def value_of(value: Any, values: Values) -> Any:
    """Fill in all templates of a value: a text, or nested lists and mappings.

    A text that is one reference and nothing else keeps the type of what it names.
    """
    if isinstance(value, str):
        named = alone(value)
        if named is None:
            return text(value, values)
        bound = values.value(named)
        for each in bound if isinstance(bound, list) else [as_text(bound)]:
            _allowed(named, each)
        return bound
    if isinstance(value, dict):
        return {str(key): value_of(each, values) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [value_of(each, values) for each in value]
    return value


def bind_check(call: CheckCall, scope: Scope) -> CheckRun:
    """Bind a call of a check; its ``on`` is a role of the scope or the id of an item.

    Raises UsageError for an unknown ``on``, and Refused as ``text``.
    """
    named = {name: alone(value) for name, value in call.arguments.items() if isinstance(value, str)}
    slots = {name: scope.slot(each) for name, each in named.items() if each is not None and each.path[0] == "slots"}
    return CheckRun(
        file=call.file,
        function=call.function,
        item=scope.item(call.on),
        arguments={name: value_of(value, scope) for name, value in call.arguments.items() if name not in slots},
        slots=slots,
    )


def template_parts(template: str) -> tuple[str | Reference, ...]:
    """Give the parts of a template. Raises Refused for one that is broken."""
    try:
        return parse(template)
    except TemplateError as error:
        raise Refused(f"'{visible(template, limit=80)}': {error}") from None


def _checked(reference: Reference, values: Values) -> str:
    value = values.value(reference)
    if isinstance(value, list):
        raise Refused(
            f"{reference} names a list, which stands alone where several values may stand: as an element of argv, the "
            "last of values, or a check's argument or a playbook's variable"
        )
    bound = as_text(value)
    _allowed(reference, bound)
    return bound


def _allowed(reference: Reference, bound: str) -> None:
    character = forbidden_character(bound)
    if character is not None:
        raise Refused(
            f"the value of {reference} holds the character {character}, which no value may: "
            f"'{visible(bound, limit=60)}'"
        )
