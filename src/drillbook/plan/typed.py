"""What a person types when there is no engine: templates filled in with values that need no quotes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drillbook.errors import Refused
from drillbook.plan.values import as_text, template_parts
from drillbook.text import visible

if TYPE_CHECKING:
    from drillbook.plan.values import Scope
    from drillbook.runbook.template import Reference

_TYPED_BY_HAND = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_PATHS = re.compile(r"/[A-Za-z0-9_@%+=:,./-]*( /[A-Za-z0-9_@%+=:,./-]*)+")
_READ_BY_HAND = re.compile(r"[A-Za-z0-9_@%+=:,./ -]+")


def hand_text(template: str, scope: Scope, *, typed: bool) -> str:
    """Fill in what a person types. A list stands in it with a space between its texts, a slot by its name.

    A value must be such that it needs no quotes; when it is not typed at a console (``typed`` is
    false: an instruction such as "switch the rack's power off") it may hold spaces. A text of absolute
    paths with a space between them is several words, as a list is.
    """
    allowed = _TYPED_BY_HAND if typed else _READ_BY_HAND
    filled = []
    for part in template_parts(template):
        if isinstance(part, str):
            filled.append(part)
        elif part.path[0] == "slots":
            filled.append(slot_mark(scope.slot(part)))
        else:
            value = scope.value(part)
            whole = as_text(value) if not isinstance(value, list) else ""
            several = value if isinstance(value, list) else whole.split(" ") if _PATHS.fullmatch(whole) else [whole]
            filled.append(" ".join(_typed(part, each, allowed) for each in several))
    return "".join(filled)


def _typed(reference: Reference, bound: str, allowed: re.Pattern[str]) -> str:
    if bound.startswith("-") or not allowed.fullmatch(bound):
        raise Refused(
            f"the value of {reference} cannot be typed by hand as it is: '{visible(bound, limit=60)}'",
            remedy="letters, digits and @ % + = : , . / - need no quotes (no dash at the start); "
            "change the value or leave it out",
        )
    return bound


def slot_mark(slot: str) -> str:
    """Give what stands in a command to be typed for the value of a slot, until a page says what that is."""
    return "{slots." + slot + "}"
